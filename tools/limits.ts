// Writes docs/LIMITS.md from the limits in src/: every constant whose name says that it bounds something, its value,
// the reason in its doc comment, and the tests that name it. `--check` only compares, for `npm run check`.

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
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

interface Limit {
  readonly file: string;
  readonly name: string;
  readonly value: string;
  readonly reason: string;
  readonly tests: readonly string[];
}

async function findLimits(): Promise<Limit[]> {
  const limits: Limit[] = [];
  const tests = tracked('test').map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }));
  for (const file of tracked('src').filter((path) => !path.startsWith(BENCHES))) {
    const text = readFileSync(join(ROOT, file), 'utf8');
    let above = { reason: '', end: -1 };
    for (const match of text.matchAll(DECLARATION)) {
      const [, comment, exported, name = '', expression = ''] = match;
      // Of two declarations in a row, the comment above the first is for both.
      const reason = comment === undefined && above.end + 1 === match.index ? above.reason : reasonOf(comment);
      above = { reason, end: match.index + match[0].length };
      if (!LIMIT_NAME.test(name)) continue;
      const value =
        exported === undefined ? shown(literal(expression) ?? expression) : shown(await valueOf(file, name));
      const named = new RegExp(`\\b${name}\\b`);
      limits.push({
        file,
        name,
        value,
        reason,
        tests: tests.filter((test) => named.test(test.text)).map((test) => test.file),
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
function reasonOf(comment: string | undefined): string {
  if (comment === undefined) return '';
  return comment
    .replace(/^\s*\*\s?/gm, '')
    .replace(/\{@link ([^}]+)\}/g, '`$1`')
    .replace(/\s+/g, ' ')
    .replaceAll('|', '\\|')
    .trim();
}

function page(limits: readonly Limit[]): string {
  const rows = limits.map(({ file, name, value, reason, tests }) => {
    const where = tests.map((test) => `[${relative('test', test).replace('.test.ts', '')}](../${test})`).join(', ');
    return `| \`${name}\` | ${value} | ${reason} | [${relative('src', file)}](../${file}) | ${where} |`;
  });
  return `# Limits

Every queue, map, depth and size has a bound. This page is written from the code by \`node tools/limits.ts\`: name and
value of each, its reason, where it stands, and the tests that name it. \`npm run check\` refuses a page that is out of date.

Names end in unit and bound: \`_BYTES_MAX\`, \`_MS_MAX\`; a \`_RATE\` is a token bucket that fills by \`tokensPerSecond\` and holds
\`burstTokens\`.

| limit | value | reason | in | tests |
|---|---|---|---|---|
${rows.join('\n')}
`;
}

const limits = await findLimits();
const unexplained = limits.filter(({ reason }) => reason === '');
for (const { file, name } of unexplained)
  process.stderr.write(`${file}: ${name} has no doc comment that gives its reason\n`);
const text = page(limits);
if (process.argv.includes('--check')) {
  const isCurrent = readFileSync(PAGE, 'utf8') === text;
  if (!isCurrent) process.stderr.write('docs/LIMITS.md is out of date; run: node tools/limits.ts\n');
  process.exitCode = isCurrent && unexplained.length === 0 ? 0 : 1;
} else {
  writeFileSync(PAGE, text);
  process.stdout.write(
    `${limits.length} limits, ${limits.filter(({ tests }) => tests.length === 0).length} not named by any test\n`,
  );
}
