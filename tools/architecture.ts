/**
 * The architecture as tables: which folder of `src/` stands on which, and what each may take from outside.
 * `tools/layers.ts` holds every source file against them. Changing a row is a decision; say why in `docs/adr/`.
 */

/** Rank of each folder of `src/`. A file imports its own folder and folders of lower rank, never one of equal rank. */
export const FOLDER_RANKS: Readonly<Record<string, number>> = {
  base: 0,
  codec: 1,
  crypto: 2,
  cose: 3,
  ports: 3,
  identity: 4,
  pki: 5,
  message: 6,
  bundle: 6,
  attestation: 6,
  audit: 6,
  api: 6,
  engine: 7,
  node: 8,
  authority: 8,
  signer: 8,
  streams: 8,
  http: 9,
  host: 9,
  sim: 9,
  daemon: 10,
  bench: 10,
  cli: 11,
};

/** Folders up to this rank are pure: no I/O, no ambient clock or randomness, no timers, no state of a module. */
export const PURE_RANK_MAX = 8;

/** Pure by rank or not, these replay from a seed: no ambient clock, no ambient randomness. */
export const SEEDED_FOLDERS: readonly string[] = ['sim'];

/** Where the environment is read. Everybody else is handed a checked, frozen configuration. */
export const ENVIRONMENT_FOLDERS: readonly string[] = ['daemon', 'cli'];

/** Modules of Node.js that a pure folder may import; folders above {@link PURE_RANK_MAX} may import any. */
export const PURE_NODE_MODULES: Readonly<Record<string, readonly string[]>> = {
  crypto: ['node:crypto'],
};

/** What `node:crypto` offers that is randomness for its own sake: the `Random` port gives that. */
export const RANDOM_IMPORTS: readonly string[] = [
  'getRandomValues',
  'pseudoRandomBytes',
  'randomBytes',
  'randomFill',
  'randomFillSync',
  'randomInt',
  'randomUUID',
  'webcrypto',
];

/** The folders that may import each npm package; a package without a row may be imported nowhere in `src/`. */
export const PACKAGE_FOLDERS: Readonly<Record<string, readonly string[]>> = {
  '@fastify/rate-limit': ['http', 'host'],
  cborg: ['codec'],
  commander: ['cli'],
  fastify: ['http', 'host'],
  pino: ['daemon', 'cli'],
  yaml: ['daemon', 'cli'],
  zod: ['api', 'http', 'host', 'daemon', 'cli'],
};

/** Global names that pure code may use: they compute, and give the same answer on every machine and at any time. */
export const PURE_GLOBALS: ReadonlySet<string> = new Set([
  'AggregateError',
  'Array',
  'ArrayBuffer',
  'BigInt',
  'BigInt64Array',
  'BigUint64Array',
  'Boolean',
  'DataView',
  'Error',
  'Float32Array',
  'Float64Array',
  'Infinity',
  'Int16Array',
  'Int32Array',
  'Int8Array',
  'Iterator',
  'JSON',
  'Map',
  'NaN',
  'Number',
  'Object',
  'Promise',
  'Proxy',
  'RangeError',
  'Reflect',
  'RegExp',
  'Set',
  'String',
  'Symbol',
  'SyntaxError',
  'TextDecoder',
  'TextEncoder',
  'TypeError',
  'URL',
  'URLSearchParams',
  'Uint16Array',
  'Uint32Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'WeakMap',
  'WeakSet',
  'decodeURIComponent',
  'encodeURIComponent',
  'isFinite',
  'isNaN',
  'parseFloat',
  'parseInt',
  'structuredClone',
  'undefined',
]);

/** Global names that are a clock, a timer or randomness; what a seeded folder may not use. */
export const UNSEEDED_GLOBALS: ReadonlySet<string> = new Set(['crypto', 'performance', 'setInterval', 'setTimeout']);
