// What the tests use of River's SDK, for esbuild: its modules cannot be imported as they are, for they name no file
// endings. `.ci/run` bundles this to `.ci-cache/towns-sdk/sdk.cjs`.
export { ethers } from 'ethers';
export * from '@towns-protocol/sdk/dist/sign.js';
export * from '@towns-protocol/sdk/dist/signerContext.js';
