import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { completed, lockProblems, missingOptionals, platformOf } from '../../scripts/completeLock.ts';

const lockFile = new URL('../../package-lock.json', import.meta.url);

describe('package-lock.json', () => {
  it('names no address and lacks no optional package of any platform', () => {
    expect(lockProblems(readFileSync(lockFile, 'utf8'))).to.deep.equal([]);
  });
});

describe('missingOptionals', () => {
  const optionalDependencies = { 'tool-linux-x64': '1.0.0' };

  it('finds an optional package that no folder on the way up holds', () => {
    const lock = { packages: { 'node_modules/tool': { version: '1.0.0', optionalDependencies } } };
    expect(missingOptionals(lock)).to.deep.equal([
      { parent: 'node_modules/tool', name: 'tool-linux-x64', wanted: '1.0.0' },
    ]);
  });

  for (const place of [
    'node_modules/tool-linux-x64',
    'node_modules/@scope/host/node_modules/tool-linux-x64',
    'node_modules/@scope/host/node_modules/tool/node_modules/tool-linux-x64',
  ]) {
    it(`finds it satisfied by ${place}`, () => {
      const tool = { version: '1.0.0', optionalDependencies };
      const lock = {
        packages: { 'node_modules/@scope/host/node_modules/tool': tool, [place]: { version: '1.0.0' } },
      };
      expect(missingOptionals(lock)).to.deep.equal([]);
    });
  }

  it('does not take the package of a neighbour for it', () => {
    const lock = {
      packages: {
        'node_modules/host/node_modules/tool': { version: '1.0.0', optionalDependencies },
        'node_modules/other/node_modules/tool-linux-x64': { version: '1.0.0' },
      },
    };
    expect(missingOptionals(lock)).to.have.length(1);
  });
});

describe('platformOf', () => {
  const cases: Readonly<Record<string, unknown>> = {
    '@foundry-rs/anvil-darwin-amd64': { os: ['darwin'], cpu: ['x64'] },
    '@foundry-rs/anvil-win32-amd64': { os: ['win32'], cpu: ['x64'] },
    '@biomejs/cli-linux-arm64-musl': { os: ['linux'], cpu: ['arm64'], libc: ['musl'] },
    '@nomicfoundation/edr-linux-x64-gnu': { os: ['linux'], cpu: ['x64'], libc: ['glibc'] },
    fsevents: { os: ['darwin'] },
    'left-pad': {},
  };
  for (const [name, platform] of Object.entries(cases)) {
    it(`reads ${name}`, () => {
      expect(platformOf(name)).to.deep.equal(platform);
    });
  }
});

describe('completed', () => {
  it('adds a stub for each, without an address or a hash, and nothing the second time', () => {
    const lock = {
      packages: {
        '': { version: '0.1.0' },
        'node_modules/tool': {
          version: '1.2.3',
          dev: true,
          optionalDependencies: { 'tool-darwin-arm64': '1.2.3' },
        },
        'node_modules/zebra': { version: '1.0.0' },
      },
    };
    const result = completed(lock);
    expect(result.packages['node_modules/tool-darwin-arm64' as keyof typeof result.packages]).to.deep.equal({
      version: '1.2.3',
      dev: true,
      optional: true,
      cpu: ['arm64'],
      os: ['darwin'],
    });
    expect(Object.keys(result.packages)).to.deep.equal([
      '',
      'node_modules/tool',
      'node_modules/tool-darwin-arm64',
      'node_modules/zebra',
    ]);
    expect(completed(result)).to.deep.equal(result);
  });

  it('refuses what it would have to guess', () => {
    const wants = (name: string, wanted: string) => ({
      packages: { 'node_modules/tool': { version: '1.0.0', optionalDependencies: { [name]: wanted } } },
    });
    expect(() => completed(wants('tool-linux-x64', '^1.0.0'))).to.throw();
    expect(() => completed(wants('tool-extra', '1.0.0'))).to.throw();
  });
});

describe('lockProblems', () => {
  it('reports an address and a missing optional package', () => {
    const lock = {
      packages: {
        'node_modules/a': { version: '1.0.0', resolved: 'https://registry.example/a/-/a-1.0.0.tgz' },
        'node_modules/b': { version: '1.0.0', optionalDependencies: { 'b-linux-x64': '1.0.0' } },
      },
    };
    expect(lockProblems(JSON.stringify(lock))).to.have.length(3);
  });
});
