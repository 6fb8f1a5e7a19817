import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FOLDER_RANKS } from '../../tools/layers.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

const PAGES: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(REPOSITORY, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

const textOf = (page: string): string => readFileSync(join(REPOSITORY, page), 'utf8');

/** Headings as GitHub names them in the part of a link behind `#`. */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = textOf(page).matchAll(/^#+ (.*)$/gm);
  const plain = (heading: string): string => heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '');
  return new Set(Array.from(headings, ([, heading = '']) => plain(heading).replaceAll(' ', '-')));
}

/** Why a link of a page leads nowhere; `undefined` where it leads somewhere, or out of the repository. */
function faultOf(page: string, link: string): string | undefined {
  if (/^[a-z]+:/.test(link)) return undefined;
  const [path = '', anchor] = link.split('#', 2);
  const target = path === '' ? page : relative(REPOSITORY, join(REPOSITORY, dirname(page), path));
  if (!existsSync(join(REPOSITORY, target))) return `${page}: ${link} is not there`;
  if (anchor === undefined || anchorsOf(target).has(anchor)) return undefined;
  return `${page}: ${target} has no heading «${anchor}»`;
}

/** Files and folders of the sources that a page names in code: `src/pki/mesh/judge.ts`, `engine/pull-*.ts`, `src/bench`. */
function sourcesNamedIn(page: string): readonly string[] {
  const folders = Object.keys(FOLDER_RANKS).join('|');
  const named = new RegExp(`^(?:src/(?:[\\w./*,{}-]*)|(?:${folders})/[\\w/*,{}-]+(?:\\.ts)?)$`);
  return Array.from(textOf(page).matchAll(/`([^`\n]+)`/g), ([, code = '']) => code)
    .filter((code) => named.test(code) && !/[…A-Z]/.test(code))
    .flatMap(eachOf)
    .map((code) => (code.startsWith('src/') ? code : `src/${code}`));
}

/** `engine/{gate,links}/link.ts` names two. */
function eachOf(code: string): readonly string[] {
  const [, before = '', names, after = ''] = /^(.*)\{([^{}]*)\}(.*)$/.exec(code) ?? [];
  return names === undefined ? [code] : names.split(',').flatMap((name) => eachOf(before + name + after));
}

/** A path, with `*` for anything within one name, and with or without its ending. */
function isThere(path: string): boolean {
  const folder = join(REPOSITORY, dirname(path));
  const name = (path.split('/').at(-1) ?? '').replaceAll('.', '\\.').replaceAll('*', '.*');
  const form = new RegExp(`^${name}(?:\\.ts)?$`);
  return path.endsWith('/')
    ? existsSync(join(REPOSITORY, path))
    : existsSync(folder) && readdirSync(folder).some((found) => form.test(found));
}

describe('the pages', () => {
  it('have no dead link', () => {
    const faults = PAGES.flatMap((page) =>
      Array.from(textOf(page).matchAll(/\]\(([^)\s]+)\)/g), ([, link = '']) => faultOf(page, link)),
    );
    assert.deepEqual(faults.filter((fault) => fault !== undefined).join('\n'), '');
  });

  it('name no source that is not there', () => {
    const faults = PAGES.flatMap((page) =>
      sourcesNamedIn(page).flatMap((path) => (isThere(path) ? [] : [`${page}: ${path}`])),
    );
    assert.equal(faults.join('\n'), '');
  });

  it('name no test and no tool that is not there', () => {
    const faults = PAGES.flatMap((page) =>
      Array.from(textOf(page).matchAll(/`((?:test|tools|native|deploy)\/[\w./-]+)`/g), ([, path = '']) => path).flatMap(
        (path) => (existsSync(join(REPOSITORY, path)) ? [] : [`${page}: ${path}`]),
      ),
    );
    assert.equal(faults.join('\n'), '');
  });

  it('docs/ARCHITECTURE.md has each folder of src/ under its rank', () => {
    const table = /^rank {2}src\/\n([\s\S]*?)^```/m.exec(textOf('docs/ARCHITECTURE.md'))?.[1] ?? '';
    const ranks: Record<string, number> = {};
    let rank = -1;
    for (const line of table.split('\n')) {
      const [, number, folder] = /^ {0,2}(\d+)? +([a-z]+)\/ /.exec(line) ?? [];
      if (number !== undefined) rank = Number(number);
      if (folder !== undefined) ranks[folder] = rank;
    }
    const folders = readdirSync(join(REPOSITORY, 'src'));
    assert.deepEqual(
      ranks,
      Object.fromEntries(Object.entries(FOLDER_RANKS).filter(([folder]) => folders.includes(folder))),
    );
  });
});
