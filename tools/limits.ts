/**
 * Writes docs/LIMITS.md from the limits in src/: every constant whose name says that it bounds something, its value,
 * the reason in its doc comment, and the tests that go past it. `--check` writes nothing: it exits 1 where the page is
 * out of date, a limit has no reason, two limits have one name, or a bound has no test.
 *
 * A constant with `@tuning` in its comment has such a name and bounds nothing that comes from outside: a pause, a size
 * from which something else is faster. Those stand in a table of their own, and need no test.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { execFileSync } from 'node:child_process';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const PAGE = join(ROOT, 'docs', 'LIMITS.md');

/** What measures bounds itself, and no program that runs. */
const BENCHES = 'src/bench/';

/** Constants that bound something: `..._MAX`, `..._MAX_MS`, `..._RATE`, and budgets under other names. */
const LIMIT_NAME = /(_MAX|_MAX_MS|_MIN|_RATE|_ROUNDS|WINDOW_BYTES|REJECTS|CONTROL_FRAMES)$/;
const DECLARATION =
  /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?^(export )?const ([A-Z][A-Z0-9_]*)(?:: [^=]+)? = ([^;]+);/gm;
const IMPORT = /^import \{([^}]*)\} from '(\.[^']*)';/gm;

/** Says in the comment of a constant that it is no bound. */
const TUNING_TAG = '@tuning';

/** A constant whose name is a limit's, as it stands in the text of a file. */
export interface LimitDeclaration {
  readonly name: string;
  readonly expression: string;
  readonly isExported: boolean;
  readonly isTuning: boolean;
  readonly reason: string;
}

interface Limit extends LimitDeclaration {
  readonly file: string;
  readonly value: string;
  /** Test files that import the constant and use it. */
  readonly tests: readonly string[];
}

/** All limits that the text of a file declares. */
export function limitsIn(text: string): LimitDeclaration[] {
  const limits: LimitDeclaration[] = [];
  let above = { comment: '', end: -1 };
  for (const match of text.matchAll(DECLARATION)) {
    const [, own, exported, name = '', expression = ''] = match;
    // Of two declarations in a row, the comment above the first is for both.
    const comment = own ?? (above.end + 1 === match.index ? above.comment : '');
    above = { comment, end: match.index + match[0].length };
    if (!LIMIT_NAME.test(name)) continue;
    const isTuning = comment.includes(TUNING_TAG);
    limits.push({ name, expression, isExported: exported !== undefined, isTuning, reason: reasonOf(comment) });
  }
  return limits;
}

/**
 * The constants that a test imports from a file and names once more outside of its imports: what it does not take from
 * the code that it tests may be another constant of the same name, or a number that was right once.
 */
export function constantsUsed(testFile: string, text: string): ReadonlySet<string> {
  const used = new Set<string>();
  const rest = text.replaceAll(IMPORT, '');
  for (const [, names = '', specifier = ''] of text.matchAll(IMPORT)) {
    const from = posix.join(posix.dirname(testFile), specifier);
    for (const each of names.split(',')) {
      const [name = '', alias = name] = each.trim().split(/\s+as\s+/);
      if (name !== '' && new RegExp(`\\b${alias}\\b`).test(rest)) used.add(`${from} ${name}`);
    }
  }
  return used;
}

/**
 * Names that more than one file exports: an import that is made by the editor takes the wrong one, and the compiler agrees,
 * because numbers are numbers.
 */
export function sharedNames(limits: readonly { readonly name: string; readonly file: string }[]): string[] {
  const filesOf = Map.groupBy(limits, ({ name }) => name);
  return [...filesOf]
    .filter(([, those]) => those.length > 1)
    .map(
      ([name, those]) => `${those.map(({ file }) => file).join(', ')}: ${name} is the name of ${those.length} limits`,
    );
}

async function findLimits(): Promise<Limit[]> {
  const limits: Limit[] = [];
  const tests = tracked('test').map((file) => ({
    file,
    used: constantsUsed(file, readFileSync(join(ROOT, file), 'utf8')),
  }));
  for (const file of tracked('src').filter((path) => !path.startsWith(BENCHES))) {
    const text = readFileSync(join(ROOT, file), 'utf8');
    for (const limit of limitsIn(text)) {
      const { name, expression, isExported } = limit;
      const value = isExported ? await valueOf(file, name) : (literal(expression) ?? expression);
      limits.push({
        ...limit,
        file,
        value: shown(value),
        tests: tests.filter(({ used }) => used.has(`${file} ${name}`)).map((test) => test.file),
      });
    }
  }
  return limits.sort((a, b) => (a.file === b.file ? (a.name < b.name ? -1 : 1) : a.file < b.file ? -1 : 1));
}

function tracked(folder: string): string[] {
  const listing = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', folder], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return listing.split('\n').filter((file) => file.endsWith('.ts'));
}

async function valueOf(file: string, name: string): Promise<unknown> {
  const module = (await import(pathToFileURL(join(ROOT, file)).href)) as Record<string, unknown>;
  return module[name];
}

/** The value of a product or sum of numbers: all that bounds are written as. */
function literal(expression: string): number | undefined {
  if (!/^[\d_.]+(\s*[*+]\s*[\d_.]+)*$/.test(expression)) return undefined;
  const number = (text: string): number => Number(text.replaceAll('_', ''));
  return expression
    .split('+')
    .map((sum) => sum.split('*').map(number))
    .reduce((total, factors) => total + factors.reduce((product, factor) => product * factor, 1), 0);
}

function shown(value: unknown): string {
  if (typeof value === 'number') return value.toLocaleString('en-US', { maximumFractionDigits: 3 });
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `\`${text.replaceAll('|', '\\|').replace(/\s+/g, ' ')}\``;
}

/** The doc comment as one line, without links and tags. */
function reasonOf(comment: string): string {
  return comment
    .replace(TUNING_TAG, '')
    .replace(/^\s*\*\s?/gm, '')
    .replace(/\{@link ([^}]+)\}/g, '`$1`')
    .replace(/\s+/g, ' ')
    .replaceAll('|', '\\|')
    .trim();
}

function page(limits: readonly Limit[]): string {
  const linked = (folder: string, file: string): string =>
    `[${relative(folder, file).replace('.test.ts', '')}](../${file})`;
  const bounds = limits.filter(({ isTuning }) => !isTuning);
  const boundRows = bounds.map(
    ({ file, name, value, reason, tests }) =>
      `| \`${name}\` | ${value} | ${reason} | ${linked('src', file)} | ${tests.map((test) => linked('test', test)).join(', ')} |`,
  );
  const tuningRows = limits
    .filter(({ isTuning }) => isTuning)
    .map(({ file, name, value, reason }) => `| \`${name}\` | ${value} | ${reason} | ${linked('src', file)} |`);
  return `# Limits

Every queue, map, depth and size has a bound. This page is written from the code by \`node tools/limits.ts\`: name and
value of each, its reason, where it stands, and the tests that go past it. \`npm run check\` refuses a page that is out of
date, a limit without a reason, and a bound without a test that takes the constant from the code.

Names end in unit and bound: \`_BYTES_MAX\`, \`_MS_MAX\`; a \`_RATE\` is a token bucket that fills by \`tokensPerSecond\` and holds
\`burstTokens\`.

## Bounds

What a peer, a client, a file or a caller cannot exceed, and what waits here for others.

| limit | value | reason | in | tests |
|---|---|---|---|---|
${boundRows.join('\n')}

## Tunings

Pauses, ranges of chance, sizes from which another way is faster: constants with a limit's name that nothing from outside
meets. Another value costs time or room and lets nobody do more.

| tuning | value | reason | in |
|---|---|---|---|
${tuningRows.join('\n')}
`;
}

async function main(): Promise<void> {
  const limits = await findLimits();
  const faults: string[] = [];
  for (const { file, name, reason, isTuning, tests } of limits) {
    if (reason === '') faults.push(`${file}: ${name} has no doc comment that gives its reason`);
    if (!isTuning && tests.length === 0)
      faults.push(
        `${file}: no test imports ${name}; write one that goes past it, or mark it ${TUNING_TAG} if it bounds nothing`,
      );
  }
  faults.push(...sharedNames(limits.filter(({ isExported }) => isExported)));
  const text = page(limits);
  if (!process.argv.includes('--check')) {
    writeFileSync(PAGE, text);
    process.stdout.write(
      `${limits.length} limits, ${limits.filter(({ isTuning }) => isTuning).length} of them tunings\n`,
    );
  } else if (readFileSync(PAGE, 'utf8') !== text)
    faults.push('docs/LIMITS.md is out of date; run: node tools/limits.ts');
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  if (faults.length > 0) process.exitCode = 1;
}

if (import.meta.main) await main();
