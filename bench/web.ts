/**
 * How long a reader waits: from the address to the first meaningful view of a report, and to the verdict that the
 * browser has proven, in headless Chromium, on this machine and at a quarter of its speed.
 */
import type { CDPSession, Page } from 'playwright-core';
import { buildWeb, scriptSizes } from '../scripts/buildWeb.ts';
import { CAR, reading, sampleWorld } from '../test/core/verify/world.ts';
import {
  chromiumPath,
  desktop,
  hasChromium,
  type Look,
  phone,
  startBrowsing,
} from '../test/web/support/browser.ts';
import { giveCode } from '../test/web/support/demoWorld.ts';
import { type Served, serveWorld } from '../test/web/support/worldServer.ts';
import { median, table } from './table.ts';

const SIZES = [20, 1000];
const RUNS = 5;
/** A phone of the middle class is some four times slower than a desk's processor. */
const SLOWER = 4;
const SLICE_MILLISECONDS = 20;

type Measured = {
  readonly view: number;
  readonly verdict: number;
  readonly firstPaint: number;
  readonly largestPaint: number;
  readonly shift: number;
  readonly blocked: number;
};

/** A report of so many entries, served by a world without a chain. */
async function serveEntries(size: number): Promise<Served> {
  const { world, workshop, car } = sampleWorld();
  giveCode(world);
  const already = world.report(CAR).ledgers[0]?.links.length ?? 0;
  for (let entry = already; entry < size; entry++) {
    const day = new Date(Date.UTC(2010, 0, 1 + entry * 3)).toISOString().slice(0, 10);
    world.record(workshop, car, reading(day, 10_000 + entry * 50, 'workshop', 'a sealed remark'));
  }
  world.clock = BigInt(Math.floor(Date.now() / 1000) - 60);
  return serveWorld(world);
}

/**
 * Lets the page's process, its worker included, run only a part of the time: the browser's own throttling slows the
 * main thread alone, and the verification is not done there.
 */
async function slowDown(browser: CDPSession): Promise<() => void> {
  const { processInfo } = await browser.send('SystemInfo.getProcessInfo');
  const ids = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  const signal = (name: 'SIGSTOP' | 'SIGCONT'): void => {
    for (const id of ids) {
      try {
        process.kill(id, name);
      } catch {
        // A process that ended meanwhile needs no slowing.
      }
    }
  };
  let waking: NodeJS.Timeout | undefined;
  const stopping = setInterval(() => {
    signal('SIGSTOP');
    waking = setTimeout(() => signal('SIGCONT'), SLICE_MILLISECONDS * (1 - 1 / SLOWER));
  }, SLICE_MILLISECONDS);
  return () => {
    clearInterval(stopping);
    clearTimeout(waking);
    signal('SIGCONT');
  };
}

/** Notes when the report and its verdict come to be shown, by the page's own clock. */
async function watch(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const noted: Record<string, number> = { view: 0, verdict: 0, largestPaint: 0, shift: 0, blocked: 0 };
    Object.assign(globalThis, { noted });
    new MutationObserver(() => {
      if (noted.view === 0 && document.querySelector('.headline') !== null) noted.view = performance.now();
      if (noted.verdict === 0 && document.querySelector('.verdict[data-verdict="verified"]') !== null) {
        noted.verdict = performance.now();
      }
    }).observe(document, { subtree: true, childList: true, attributes: true });
    const on = (type: string, note: (entry: PerformanceEntry) => void): void => {
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) note(entry);
      }).observe({ type, buffered: true });
    };
    on('largest-contentful-paint', (entry) => {
      noted.largestPaint = entry.startTime;
    });
    on('layout-shift', (entry) => {
      noted.shift = (noted.shift ?? 0) + (entry as PerformanceEntry & { value: number }).value;
    });
    on('longtask', (entry) => {
      noted.blocked = (noted.blocked ?? 0) + Math.max(0, entry.duration - 50);
    });
  });
}

async function measureOnce(served: Served, look: Look, slow: boolean): Promise<Measured> {
  const browsing = await startBrowsing();
  try {
    const page = await browsing.page(look);
    await watch(page);
    // The same process serves the page that follows.
    await page.goto(`${served.url}/icon.svg`);
    const browser = await page.context().browser()?.newBrowserCDPSession();
    const restore = slow && browser !== undefined ? await slowDown(browser) : () => undefined;
    try {
      await page.goto(`${served.url}/?id=${CAR}`, { waitUntil: 'commit' });
      await page.locator('.verdict[data-verdict="verified"]').waitFor({ timeout: 120_000 });
      return await page.evaluate(() => {
        const { noted } = globalThis as unknown as { noted: Omit<Measured, 'firstPaint'> };
        const [paint] = performance.getEntriesByName('first-contentful-paint');
        return { ...noted, firstPaint: paint?.startTime ?? 0 };
      });
    } finally {
      restore();
    }
  } finally {
    await browsing.close();
  }
}

export async function benchWeb(): Promise<string> {
  if (!hasChromium) return `Not measured: no Chromium at ${chromiumPath}.`;
  await buildWeb();
  const rows: (string | number)[][] = [];
  for (const size of SIZES) {
    const served = await serveEntries(size);
    for (const [name, look, slow] of [
      ['desktop', desktop, false],
      ['phone, 4× slower', phone, true],
    ] as const) {
      const runs: Measured[] = [];
      for (let run = 0; run < RUNS; run++) runs.push(await measureOnce(served, look, slow));
      const of = (value: keyof Measured): number => median(runs.map((one) => one[value]));
      rows.push([
        size,
        name,
        Math.round(of('firstPaint')),
        Math.round(of('view')),
        Math.round(of('verdict')),
        Math.round(of('largestPaint')),
        Number(of('shift').toFixed(3)),
        Math.round(of('blocked')),
      ]);
    }
    await served.close();
  }
  const times = table(
    ['entries', 'on', 'first paint, ms', 'report, ms', 'verified, ms', 'LCP, ms', 'CLS', 'TBT, ms'],
    rows,
  );
  const sizes = await scriptSizes();
  const scripts = table(
    ['script', 'kB', 'gzip, kB', 'brotli, kB'],
    sizes.map(({ file, bytes, gzip, brotli }) => [
      file.replace(/-[\w-]{8}\.js$/, ''),
      ...[bytes, gzip, brotli].map((size) => Number((size / 1000).toFixed(1))),
    ]),
  );
  return `${times}\n\n${scripts}`;
}

if (import.meta.main) console.log(await benchWeb());
