import { fileURLToPath } from 'node:url';
import hardhatEthers from '@nomicfoundation/hardhat-ethers';
import hardhatEthersChaiMatchers from '@nomicfoundation/hardhat-ethers-chai-matchers';
import hardhatIgnitionEthers from '@nomicfoundation/hardhat-ignition-ethers';
import hardhatMocha from '@nomicfoundation/hardhat-mocha';
import hardhatNetworkHelpers from '@nomicfoundation/hardhat-network-helpers';
import { defineConfig } from 'hardhat/config';
import type { HardhatPlugin } from 'hardhat/types/plugins';
import type { CompilerOutputError } from 'hardhat/types/solidity';

/** The compiler's warnings that code, or code that creates it, is over the chain's limits. */
const TOO_LARGE = new Set(['5574', '3860']);

/** Measured code carries its counters and is larger than what is ever deployed. */
const measures = process.argv.includes('--coverage');

/** A warning about our own sources fails the build. */
const warningsAreErrors: HardhatPlugin = {
  id: 'vinculum-warnings-are-errors',
  hookHandlers: {
    solidity: async () => ({
      default: async () => ({
        invokeSolc: async (context, compiler, input, config, next) => {
          const output = await next(context, compiler, input, config);
          return { ...output, errors: (output.errors ?? []).map(strict) };
        },
      }),
    }),
  },
};

function strict(error: CompilerOutputError): CompilerOutputError {
  const source = error.formattedMessage?.match(/-->\s+(.+?):\d+:\d+/)?.[1] ?? 'project/';
  const isOurs = source.startsWith('project/');
  // Test contracts may be of any size: they are never deployed to a chain that cares.
  const isLargeTest =
    (measures || source.startsWith('project/test/')) && TOO_LARGE.has(error.errorCode ?? '');
  if (error.severity !== 'warning' || !isOurs || isLargeTest) return error;
  return { ...error, type: 'StrictWarning', severity: 'error' };
}

/** VINCULUM_FUZZ multiplies how long is looked: a whole number from 1. */
const patience = Number(process.env.VINCULUM_FUZZ ?? '1');
if (!Number.isSafeInteger(patience) || patience < 1) {
  throw new Error('VINCULUM_FUZZ is not a whole number from 1.');
}

export default defineConfig({
  plugins: [
    hardhatEthers,
    hardhatEthersChaiMatchers,
    hardhatIgnitionEthers,
    hardhatMocha,
    hardhatNetworkHelpers,
    warningsAreErrors,
  ],
  solidity: {
    version: '0.8.37',
    // The compiler comes from npm: nothing downloads one.
    path: fileURLToPath(import.meta.resolve('solc/soljson.js')),
    settings: { viaIR: true, evmVersion: 'osaka', optimizer: { enabled: true, runs: 10_000 } },
    npmFilesToBuild: ['@openzeppelin/contracts/access/manager/AccessManager.sol'],
  },
  test: {
    solidity: {
      fuzz: { runs: 200 * patience },
      // A handler that reverts has found something it did not expect.
      invariant: { runs: 12 * patience, depth: 60, failOnRevert: true },
    },
  },
  ...(measures ? { networks: { default: { type: 'edr-simulated', allowUnlimitedContractSize: true } } } : {}),
  coverage: { skipFiles: ['test/**'] },
  paths: { tests: { mocha: 'test/contracts', solidity: 'test/contracts' } },
});
