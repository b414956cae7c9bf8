import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App, removeToken } from './page/App.tsx';
import { languageFor, loadSettings } from './page/settingsStore.ts';
import { loadTexts } from './texts/texts.ts';

// First of all: nobody who looks at the screen, or at the history of the browser, is to find it.
const opened = removeToken();
const page = document.getElementById('page');
if (page !== null) {
  const settings = loadSettings();
  document.documentElement.dataset.theme = settings.theme;
  const language = languageFor(settings);
  const texts = await loadTexts(language);
  createRoot(page).render(
    <StrictMode>
      <App first={{ language, texts }} opened={opened} />
    </StrictMode>,
  );
}
