import type { Route } from '../http/route.ts';
import { tags } from '../http/route.ts';

/** The OpenAPI document as a page for people: made here, with nothing loaded from elsewhere. */
export function documentationPage(
  document: Readonly<Record<string, unknown>>,
  routes: readonly Route[],
): string {
  const paths = document.paths as Record<string, Record<string, Operation>>;
  const sections = Object.entries(tags).map(([tag, description]) => {
    const own = routes.filter((route) => route.tag === tag);
    const articles = own.map((route) => articleOf(route, paths[route.path]?.[route.method] ?? {}));
    return own.length === 0
      ? ''
      : `<section id="${tag.toLowerCase()}"><h2>${tag}</h2><p>${escapeHtml(description)}</p>${articles.join('')}</section>`;
  });
  const links = Object.keys(tags)
    .filter((tag) => routes.some((route) => route.tag === tag))
    .map((tag) => `<a href="#${tag.toLowerCase()}">${tag}</a>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Vinculum: the HTTP API</title>
<link rel="stylesheet" href="/docs.css">
<link rel="icon" href="data:,">
</head>
<body>
<header><h1><a href="/">Vinculum</a>: the HTTP API</h1>
<p>For programs: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1). Every failure is
<code>application/problem+json</code>: decide by its <code>code</code>.</p>
<nav>${links.join(' ')}</nav></header>
<main>${sections.join('\n')}</main>
</body>
</html>
`;
}

type Operation = {
  readonly parameters?: readonly { name: string; in: string; required: boolean; schema: unknown }[];
  readonly requestBody?: { content: Record<string, { schema?: unknown }> };
  readonly responses?: Record<
    string,
    {
      description: string;
      content?: Record<string, { schema?: unknown }>;
      'x-problem-codes'?: readonly string[];
    }
  >;
};

const accessText = {
  anyone: 'anyone',
  organisation: 'signed-in organisations',
  account: 'signed-in accounts without an organisation',
  signedIn: 'whoever is signed in',
  operator: 'the operator',
} as const;

function articleOf(route: Route, operation: Operation): string {
  const parameters = (operation.parameters ?? []).map(
    ({ name, in: place, required }) =>
      `<li><code>${escapeHtml(name)}</code> in the ${place}${required ? '' : ', optional'}</li>`,
  );
  const bodies = Object.entries(operation.requestBody?.content ?? {}).map(([type, { schema }]) =>
    details(`Takes ${type}`, schema),
  );
  const answers = Object.entries(operation.responses ?? {})
    .filter(([status]) => status !== 'default')
    .flatMap(([status, { description, content = {} }]) => {
      const [type, media] = Object.entries(content)[0] ?? [];
      const title = `${status}: ${description}${type === undefined ? '' : ` (${type})`}`;
      return media?.schema === undefined ? [`<p>${escapeHtml(title)}</p>`] : [details(title, media.schema)];
    });
  const codes = operation.responses?.default?.['x-problem-codes'] ?? [];
  return `<article id="${escapeHtml(route.name)}">
<h3><code><b>${route.method.toUpperCase()}</b> ${escapeHtml(route.path)}</code></h3>
<p>${escapeHtml(route.summary)}${route.description === undefined ? '' : ` ${escapeHtml(route.description)}`}</p>
<p class="quiet">For ${accessText[route.access]}.</p>
${parameters.length === 0 ? '' : `<ul>${parameters.join('')}</ul>`}
${bodies.join('')}${answers.join('')}
<p class="quiet">Failures: ${codes.map((code) => `<code>${escapeHtml(code)}</code>`).join(' ')}</p>
</article>`;
}

function details(title: string, schema: unknown): string {
  return `<details><summary>${escapeHtml(title)}</summary><pre>${escapeHtml(JSON.stringify(schema, null, 2) ?? '')}</pre></details>`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
