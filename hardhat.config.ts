import { fileURLToPath } from 'node:url';
import hardhatEthers from '@nomicfoundation/hardhat-ethers';
import hardhatEthersChaiMatchers from '@nomicfoundation/hardhat-ethers-chai-matchers';
import hardhatIgnitionEthers from '@nomicfoundation/hardhat-ignition-ethers';
import hardhatMocha from '@nomicfoundation/hardhat-mocha';
import hardhatNetworkHelpers from '@nomicfoundation/hardhat-network-helpers';
import { defineConfig } from 'hardhat/config';
import type { HardhatPlugin } from 'hardhat/types/plugins';
import type { CompilerOutputError } from 'hardhat/types/solidity';

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
  const message = error.formattedMessage ?? '';
  const isForeign = /-->\s+npm\//.test(message);
  // Test contracts may be larger than 24 kB: they are never deployed to a chain that cares.
  const isLargeTest = error.errorCode === '5574' && /-->\s+project\/test\//.test(message);
  if (error.severity !== 'warning' || isForeign || isLargeTest) return error;
  return { ...error, type: 'StrictWarning', severity: 'error' };
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
      fuzz: { runs: 200 },
      // A handler that reverts has found something it did not expect.
      invariant: { runs: 12, depth: 60, failOnRevert: true },
    },
  },
  coverage: { skipFiles: ['test/**'] },
  paths: { tests: { mocha: 'test/contracts', solidity: 'test/contracts' } },
});
