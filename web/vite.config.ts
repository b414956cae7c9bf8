import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const CURVE = '@noble/curves/secp256k1.js';
const lazyCurve = fileURLToPath(new URL('worker/curve.ts', import.meta.url));

/** Workers fetch the curve of signatures when they need it. */
const curveOnDemand: Plugin = {
  name: 'curve-on-demand',
  enforce: 'pre',
  resolveId: (id, importer) => (id === CURVE && importer !== lazyCurve ? lazyCurve : undefined),
};

/** Examples and descriptions of kinds are for people who write programs: no page shows them. */
const kindsWithoutExamples: Plugin = {
  name: 'kinds-without-examples',
  transform: {
    order: 'post',
    filter: { id: /\/core\/kinds\/[^/]+\.ts$/ },
    handler(code) {
      const cuts: (readonly [number, number])[] = [];
      const look = (node: unknown): void => {
        if (node === null || typeof node !== 'object') return;
        const { type, callee, arguments: given } = node as Readonly<Record<string, never>>;
        if (type === 'CallExpression' && (callee as { name?: string }).name === 'defineKind') {
          for (const { key, value } of (given as unknown as { properties: Property[] }[])[0]?.properties ??
            []) {
            if (key.name === 'description' || key.name === 'example') cuts.push([value.start, value.end]);
          }
          return;
        }
        for (const member of Object.values(node)) look(member);
      };
      look(this.parse(code).body);
      const lean = cuts.reduceRight(
        (text, [from, to]) => `${text.slice(0, from)}undefined${text.slice(to)}`,
        code,
      );
      return { code: lean, map: null };
    },
  },
};

type Property = { readonly key: { readonly name?: string }; readonly value: { start: number; end: number } };

/** Parts of `page` and `model` that only other pages load, or only whoever asks for them. */
const OTHERS =
  /\/(Scan|Settings|Documents|Beside|Evidence|Attesters|Odometer|OfflineCheck|Proof|RecallProofs|accessLog|title|alerts|batch|build|chart|csv|listFile|partCheck|recall|supplyForms|trace)\.tsx?$/;

/** What every reader loads is one script: parts that others share too would compress worse apart. */
function isReaders(id: string): boolean {
  if (/\/node_modules\/(react|react-dom|scheduler)\//.test(id)) return true;
  return /\/web\/(page|model)\//.test(id) && !OTHERS.test(id);
}

/** A page of static files that any host can serve from any folder, without inline script or style. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [react(), kindsWithoutExamples],
  worker: { format: 'es', plugins: () => [curveOnDemand, kindsWithoutExamples] },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: ['chrome111', 'firefox115', 'safari16.4'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        codeSplitting: { groups: [{ name: 'reader', test: isReaders }] },
      },
    },
  },
});
