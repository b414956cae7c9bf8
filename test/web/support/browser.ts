import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

/** Debian's Chromium, or another by CHROMIUM. */
export const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const hasChromium = existsSync(chromiumPath);

export type Look = {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
  readonly locale?: string;
  readonly touch?: boolean;
};

export const desktop: Look = { width: 1280, height: 900 };
export const phone: Look = { width: 360, height: 740, touch: true };

export interface Browsing {
  /** A page of a reader who was never here: an own context, with an empty store. */
  page(look?: Look): Promise<Page>;
  close(): Promise<void>;
}

/** A headless Chromium that calls nobody by itself. */
export async function startBrowsing(): Promise<Browsing> {
  const folder = await mkdtemp(join(tmpdir(), 'vinculum-chromium-'));
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-dev-shm-usage',
    ],
  });
  const contexts: BrowserContext[] = [];
  return {
    page: async ({ width = 1280, height = 900, scheme = 'light', locale = 'en-GB', touch = false } = {}) => {
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: scheme,
        locale,
        timezoneId: 'Europe/Paris',
        hasTouch: touch,
        isMobile: touch,
        reducedMotion: 'reduce',
        acceptDownloads: true,
      });
      contexts.push(context);
      return context.newPage();
    },
    close: async () => {
      for (const context of contexts) await context.close();
      await browser.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
