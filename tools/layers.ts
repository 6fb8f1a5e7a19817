/**
 * `npm run layers`: holds every file of `src/` against the tables of `architecture.ts`, prints each breach as
 * `file:line: message` and exits 1 where there is one.
 */

import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, posix } from 'node:path';
import {
  FOLDER_RANKS,
  PACKAGE_FOLDERS,
  PURE_NODE_MODULES,
  PURE_RANK_MAX,
  RANDOM_IMPORTS,
  SEEDED_FOLDERS,
} from './architecture.ts';
import { type Breach, judgePurity, judgeReplay, judgeTestAwareness } from './purity.ts';
import { filesUnder, REPOSITORY } from './repository.ts';
import { type ImportedModule, parseSource, type SourceFile } from './syntax.ts';

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
 * @param path Relative to the repository, with `/`: `src/pki/crl.ts`.
 */
export function judgeFile(path: string, text: string): readonly string[] {
  const folder = /^src\/([^/]+)\//.exec(path)?.[1];
  const rank = folder === undefined ? undefined : FOLDER_RANKS[folder];
  if (folder === undefined || rank === undefined) {
    return [`${path}:1: ${folder ?? 'the file'} has no rank; give its folder one in tools/architecture.ts`];
  }
  let file: SourceFile;
  try {
    file = parseSource(path, text);
  } catch (error) {
    return [(error as SyntaxError).message];
  }
  const breaches = [...judgeImports(path, folder, file), ...judgeTestAwareness(folder, file)];
  if (rank <= PURE_RANK_MAX) breaches.push(...judgePurity(folder, file));
  else if (SEEDED_FOLDERS.includes(folder)) breaches.push(...judgeReplay(file));
  return breaches
    .toSorted((a, b) => a.offset - b.offset)
    .map(({ offset, message }) => `${path}:${file.lineOf(offset)}: ${message}`);
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
  if (specifier.startsWith('node:')) return judgeNodeModule(folder, specifier, imported.names);
  if (isBuiltin(specifier)) return `"${specifier}" is a module of Node.js; write "node:${specifier}"`;
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  const folders = Object.hasOwn(PACKAGE_FOLDERS, name) ? PACKAGE_FOLDERS[name] : undefined;
  if (folders === undefined) return `no folder may import "${name}"; see PACKAGE_FOLDERS in tools/architecture.ts`;
  if (!folders.includes(folder)) return `${folder}/ may not import "${name}", only ${folders.join('/, ')}/`;
  return undefined;
}

function judgeRelative(path: string, folder: string, specifier: string): string | undefined {
  const target = posix.join(posix.dirname(path), specifier);
  if (!target.endsWith('.ts')) return `"${specifier}" must end in .ts`;
  const targetFolder = /^src\/([^/]+)\//.exec(target)?.[1];
  if (targetFolder === undefined) return `"${specifier}" leads out of the folders of src/`;
  if (targetFolder === folder) return undefined;
  const rank = FOLDER_RANKS[folder] ?? 0;
  const targetRank = FOLDER_RANKS[targetFolder];
  if (targetRank === undefined) return `${targetFolder}/ has no rank; give it one in tools/architecture.ts`;
  if (targetRank === rank) return `${folder}/ and ${targetFolder}/ have the same rank (${rank}) and may not meet`;
  if (targetRank > rank) return `${folder}/ (rank ${rank}) may not import ${targetFolder}/ (rank ${targetRank})`;
  return undefined;
}

function judgeNodeModule(folder: string, specifier: string, names: readonly string[]): string | undefined {
  if ((FOLDER_RANKS[folder] ?? 0) > PURE_RANK_MAX) return undefined;
  const allowed = Object.hasOwn(PURE_NODE_MODULES, folder) ? (PURE_NODE_MODULES[folder] ?? []) : [];
  if (!allowed.includes(specifier)) return `${folder}/ may not import "${specifier}"; ask for it through a port`;
  if (names.includes('*') || names.includes('default')) return `import names from "${specifier}", not all of it`;
  const random = names.find((name) => RANDOM_IMPORTS.includes(name));
  if (random !== undefined) return `${random} is ambient randomness; take it through the Random port`;
  return undefined;
}
