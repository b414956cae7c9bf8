import { fileURLToPath } from 'node:url';
import hardhatEthers from '@nomicfoundation/hardhat-ethers';
import hardhatEthersChaiMatchers from '@nomicfoundation/hardhat-ethers-chai-matchers';
import hardhatIgnitionEthers from '@nomicfoundation/hardhat-ignition-ethers';
import hardhatMocha from '@nomicfoundation/hardhat-mocha';
import hardhatNetworkHelpers from '@nomicfoundation/hardhat-network-helpers';
import { defineConfig } from 'hardhat/config';

export default defineConfig({
  plugins: [hardhatEthers, hardhatEthersChaiMatchers, hardhatIgnitionEthers, hardhatMocha, hardhatNetworkHelpers],
  solidity: {
    version: '0.8.37',
    // The compiler comes from npm: nothing downloads one.
    path: fileURLToPath(import.meta.resolve('solc/soljson.js')),
    settings: { viaIR: true, evmVersion: 'osaka', optimizer: { enabled: true, runs: 10_000 } },
  },
  paths: { tests: { mocha: 'test/contracts', solidity: 'test/contracts' } },
});
