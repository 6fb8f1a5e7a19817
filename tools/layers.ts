/**
 * `npm run layers`: holds every file of `src/` against the tables below, prints each breach as `file:line: message`
 * and exits 1 where there is one. The tables are the architecture: which folder stands on which, and what each may take
 * from outside. Changing a row is a decision; say why in `docs/adr/`.
 */

import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, posix } from 'node:path';
import { type Breach, judgeFetch, judgeJson, judgePurity, judgeReplay, judgeTestAwareness } from './purity.ts';
import { filesUnder, REPOSITORY } from './repository.ts';
import { type ImportedModule, parseSource, type SourceFile } from './syntax.ts';

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
  client: 11,
};

/**
 * What keeps keys and rows, and the one file that says so: everybody else there knows the port, so that another store is
 * one file and one line. Benches measure an implementation and name it.
 */
export const NAMED_ONLY_BY: Readonly<Record<string, string>> = {
  'src/host/keys/file-key-store.ts': 'src/daemon/keys.ts',
  'src/host/keys/mnemonic-key-tree.ts': 'src/daemon/keys.ts',
  'src/host/sqlite/authority-store.ts': 'src/daemon/authority/store.ts',
  'src/host/sqlite/node-store.ts': 'src/daemon/node/store.ts',
  'src/host/sqlite/stream-store.ts': 'src/daemon/streams/run.ts',
  'src/host/signer/sqlite/record-store.ts': 'src/daemon/signer/place.ts',
  'src/host/signer/mongo/record-store.ts': 'src/daemon/signer/place.ts',
};

/** Files that may read JSON plainly, and why. */
export const PLAIN_JSON: Readonly<Record<string, string>> = {
  'src/codec/json.ts': 'it is the strict reader',
  'src/daemon/version.ts': 'the manifest of this package',
  'src/host/sqlite/statements.ts': 'a column that this program wrote',
  'src/host/signer/audit-file.ts':
    'lines that this program wrote, in which callers may be named by half a surrogate pair',
  'src/host/signer/sqlite/runs.ts': 'a column that this program wrote',
};

/** The file that may call `fetch`, with bounds of its own. */
const FETCHES = 'src/host/http/connect-caller.ts';

/** Folders up to this rank are pure: no I/O, no ambient clock or randomness, no timers, no state of a module. */
const PURE_RANK_MAX = 8;

/**
 * Files of folders above {@link PURE_RANK_MAX} that keep the rules of the pure ones, because they say so to programs: they
 * import pure folders and each other.
 */
const PURE_FILES: readonly string[] = ['src/client/trust.ts', 'src/client/verified.ts', 'src/client/verify.ts'];

/** The folders that may import each npm package; a package without a row may be imported nowhere in `src/`. */
const PACKAGE_FOLDERS: Readonly<Record<string, readonly string[]>> = {
  '@noble/curves': ['crypto'],
  '@fastify/rate-limit': ['http', 'host'],
  '@scure/bip32': ['bench'],
  '@scure/bip39': ['identity'],
  commander: ['cli'],
  ethers: ['bench'],
  fastify: ['http', 'host'],
  mongodb: ['host'],
  pino: ['daemon', 'cli'],
  pkcs11js: ['host'],
  secp256k1: ['host', 'bench'],
  'tiny-secp256k1': ['host'],
  viem: ['bench'],
  yaml: ['daemon', 'cli'],
  zod: ['api', 'http', 'host', 'daemon', 'cli'],
};

/** Loads a library when it is first asked for, which only `node:module` can without a wait; what it gives is pure. */
const LATE_LIBRARY = 'src/crypto/secp256k1/curve.ts';

/** Modules of Node.js that a pure folder may import; folders above {@link PURE_RANK_MAX} may import any. */
const PURE_NODE_MODULES: Readonly<Record<string, readonly string[]>> = {
  crypto: ['node:crypto'],
};

/** What `node:crypto` offers that is randomness for its own sake: the `Random` port gives that. */
const RANDOM_IMPORTS: readonly string[] = [
  'getRandomValues',
  'pseudoRandomBytes',
  'randomBytes',
  'randomFill',
  'randomFillSync',
  'randomInt',
  'randomUUID',
  'webcrypto',
];

/** Pure by rank or not, these replay from a seed: no ambient clock, no ambient randomness. */
const SEEDED_FOLDERS: readonly string[] = ['sim'];

if (import.meta.main) {
  const files = filesUnder('src', '.ts');
  const breaches = files.flatMap((path) => judgeFile(path, readFileSync(join(REPOSITORY, path), 'utf8')));
  for (const breach of breaches) console.error(breach);
  console.log(`${files.length} files, ${breaches.length} breaches`);
  process.exitCode = breaches.length === 0 ? 0 : 1;
}

/**
 * Every breach in one file, as `file:line: message`, in line order.
 *
 * @param path Relative to the repository, with `/`: `src/pki/x509/crl/crl.ts`.
 */
export function judgeFile(path: string, text: string): readonly string[] {
  const folder = /^src\/([^/]+)\//.exec(path)?.[1];
  const rank = folder === undefined ? undefined : FOLDER_RANKS[folder];
  if (folder === undefined || rank === undefined) {
    return [`${path}:1: ${folder ?? 'the file'} has no rank; give its folder one in tools/layers.ts`];
  }
  let file: SourceFile;
  try {
    file = parseSource(path, text);
  } catch (error) {
    return [(error as SyntaxError).message];
  }
  const breaches = [...judgeImports(path, folder, file), ...judgeTestAwareness(folder, file)];
  if (!Object.hasOwn(PLAIN_JSON, path)) breaches.push(...judgeJson(file));
  if (path !== FETCHES && rank > PURE_RANK_MAX) breaches.push(...judgeFetch(file));
  if (isPure(path, rank)) breaches.push(...judgePurity(file, Object.hasOwn(PURE_NODE_MODULES, folder)));
  else if (SEEDED_FOLDERS.includes(folder)) breaches.push(...judgeReplay(file));
  return breaches
    .toSorted((a, b) => a.offset - b.offset)
    .map(({ offset, message }) => `${path}:${file.lineOf(offset)}: ${message}`);
}

function isPure(path: string, rank: number): boolean {
  return (rank <= PURE_RANK_MAX && path !== LATE_LIBRARY) || PURE_FILES.includes(path);
}

function judgeImports(path: string, folder: string, file: SourceFile): readonly Breach[] {
  return file.imports.flatMap((imported) => {
    const message = judgeImport(path, folder, imported);
    return message === undefined ? [] : [{ offset: imported.offset, message }];
  });
}

function judgeImport(path: string, folder: string, imported: ImportedModule): string | undefined {
  const { specifier } = imported;
  if (specifier === undefined) return 'import() of a computed name; name the module, so that its rank can be checked';
  if (specifier.startsWith('.')) return judgeRelative(path, folder, specifier);
  if (specifier.startsWith('node:')) return judgeNodeModule(path, folder, specifier, imported.names);
  if (isBuiltin(specifier)) return `"${specifier}" is a module of Node.js; write "node:${specifier}"`;
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  const folders = Object.hasOwn(PACKAGE_FOLDERS, name) ? PACKAGE_FOLDERS[name] : undefined;
  if (folders === undefined) return `no folder may import "${name}"; see PACKAGE_FOLDERS in tools/layers.ts`;
  if (!folders.includes(folder)) return `${folder}/ may not import "${name}", only ${folders.join('/, ')}/`;
  return undefined;
}

function judgeRelative(path: string, folder: string, specifier: string): string | undefined {
  const target = posix.join(posix.dirname(path), specifier);
  if (!target.endsWith('.ts')) return `"${specifier}" must end in .ts`;
  const targetFolder = /^src\/([^/]+)\//.exec(target)?.[1];
  if (targetFolder === undefined) return `"${specifier}" leads out of the folders of src/`;
  if (PURE_FILES.includes(path)) {
    if (PURE_FILES.includes(target) || (FOLDER_RANKS[targetFolder] ?? Infinity) <= PURE_RANK_MAX) return undefined;
    return `${posix.basename(path)} is pure and may not import ${targetFolder}/${posix.basename(target)}`;
  }
  if (targetFolder === folder) return undefined;
  const rank = FOLDER_RANKS[folder] ?? 0;
  const targetRank = FOLDER_RANKS[targetFolder];
  if (targetRank === undefined) return `${targetFolder}/ has no rank; give it one in tools/layers.ts`;
  if (targetRank === rank) return `${folder}/ and ${targetFolder}/ have the same rank (${rank}) and may not meet`;
  const namer = Object.hasOwn(NAMED_ONLY_BY, target) && folder !== 'bench' ? NAMED_ONLY_BY[target] : path;
  if (namer !== path) return `only ${namer} names ${target}; others take the port from it`;
  if (targetRank > rank) return `${folder}/ (rank ${rank}) may not import ${targetFolder}/ (rank ${targetRank})`;
  return undefined;
}

function judgeNodeModule(
  path: string,
  folder: string,
  specifier: string,
  names: readonly string[],
): string | undefined {
  if (!isPure(path, FOLDER_RANKS[folder] ?? 0)) return undefined;
  const allowed = Object.hasOwn(PURE_NODE_MODULES, folder) ? (PURE_NODE_MODULES[folder] ?? []) : [];
  if (!allowed.includes(specifier)) return `${folder}/ may not import "${specifier}"; ask for it through a port`;
  if (names.includes('*') || names.includes('default')) return `import names from "${specifier}", not all of it`;
  const random = names.find((name) => RANDOM_IMPORTS.includes(name));
  if (random !== undefined) return `${random} is ambient randomness; take it through the Random port`;
  return undefined;
}
