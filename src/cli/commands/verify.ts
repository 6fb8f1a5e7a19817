import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { textOfUtf8 } from '../../base/bytes.ts';
import { MeshError, quoted } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import { judgeWycheproof } from '../../daemon/verify/suites/wycheproof/judge.ts';
import type { VectorFile } from '../../daemon/verify/suites/wycheproof/vector.ts';
import type { FileVerdict, VerifyContext } from '../../daemon/verify/verdict.ts';
import { anchorsAmong, readCrlFile, verifyFile } from '../../daemon/verify/verify-file.ts';
import { readInputFile } from '../../host/files/input-file.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { parseMeshName } from '../../identity/mesh-name.ts';
import { type Certificate, parseCertificatesPem } from '../../pki/x509/certificate/certificate.ts';
import { judgeLimboCase, limboCasesOf } from '../../daemon/verify/suites/limbo.ts';
import { act, addCommand, repeatedOption, textOption } from '../command.ts';
import { EXIT_REFUSED, type Output } from '../output.ts';
import { renderTable } from '../table.ts';
import { parseJson } from '../../codec/json.ts';

/** Largest file that is looked at: all of x509-limbo, or an export of some hundred thousand records. */
export const VERIFY_FILE_BYTES_MAX = 512 * 1024 * 1024;

interface VerifyOptions {
  readonly ca?: string;
  readonly mesh?: string;
  readonly chain?: string;
  readonly crl?: readonly string[];
  readonly at?: string;
  readonly limbo?: true;
  readonly wycheproof?: true;
}

/** `chainmail verify` */
export function register(program: Command): void {
  addCommand(
    program,
    'verify <file>',
    'say of a message, certificate, chain, CRL, request, ticket or export what it is, whether it holds, and why not',
    'chainmail verify node.pem --ca ca.pem\nchainmail verify message.cose --ca ca.pem --chain node.pem --mesh depot',
  )
    .option('--ca <file>', 'whom to believe: PEM, with intermediates or without (default: ca.pem beside FILE)')
    .option(
      '--mesh <name>',
      'name of the mesh (default: the one that the certificate names)',
      textOption(parseMeshName),
    )
    .option('--chain <file>', 'chain of the signer of a message, PEM (default: node.pem beside FILE)')
    .option('--crl <file>', 'revocation list to look into, PEM or DER; may be repeated', repeatedOption())
    .option('--at <time>', 'judge as of this time, RFC 3339 (default: now)')
    .option('--limbo', 'FILE holds cases of x509-limbo: judge each with the path validation of RFC 5280')
    .option('--wycheproof', 'FILE holds cases of Wycheproof: run each')
    .action(
      act<VerifyOptions>(async ({ output, options, args }) => {
        const path = resolve(args[0] as string);
        if (options.limbo === true && options.wycheproof === true)
          throw new MeshError('ERR_USAGE', '--limbo and --wycheproof exclude each other');
        if (options.limbo === true) showResults(output, runLimbo(readJson(path)));
        else if (options.wycheproof === true) showResults(output, runWycheproof(readJson(path)));
        else {
          const context = contextOf(path, options);
          const verdict = await verifyFile(readInputFile(path, VERIFY_FILE_BYTES_MAX), context);
          showVerdict(output, verdict);
          if (!verdict.ok) process.exitCode = EXIT_REFUSED;
        }
      }),
    );
}

interface CaseResult {
  readonly id: string | number;
  readonly actual_result: string;
  readonly context: string;
}

function runLimbo(file: unknown): readonly CaseResult[] {
  const now = systemClock.wall();
  return limboCasesOf(file).map((testCase) => judgeLimboCase(testCase, now));
}

function runWycheproof(file: unknown): readonly CaseResult[] {
  if (!Array.isArray((file as VectorFile).testGroups))
    throw new MeshError('ERR_INPUT', 'the file has no «testGroups» as Wycheproof has');
  return [...judgeWycheproof(file as VectorFile)];
}

function showResults(output: Output, results: readonly CaseResult[]): void {
  const counts = new Map<string, number>();
  for (const { actual_result } of results) counts.set(actual_result, (counts.get(actual_result) ?? 0) + 1);
  const rows = results.map(({ id, actual_result, context }) => [String(id), actual_result, context.slice(0, 120)]);
  const summary = [...counts].map(([word, n]) => `${n} ${word}`).join(', ');
  output.result({ results }, `${renderTable(['CASE', 'RESULT', 'WHY'], rows, 'no cases')}\n${summary}`);
}

function contextOf(path: string, options: VerifyOptions): VerifyContext {
  const beside = (name: string): string | undefined => {
    const candidate = join(dirname(path), name);
    return existsSync(candidate) ? candidate : undefined;
  };
  return {
    now: options.at === undefined ? systemClock.wall() : instantOf(options.at),
    mesh: options.mesh === undefined ? undefined : parseMeshName(options.mesh),
    ...anchorsAmong(certificatesIn(options.ca ?? beside('ca.pem'))),
    chain: certificatesIn(options.chain ?? beside('node.pem')),
    crls: (options.crl ?? []).map((file) => readCrlFile(readInputFile(resolve(file), VERIFY_FILE_BYTES_MAX))),
  };
}

function certificatesIn(file: string | undefined): readonly Certificate[] {
  return file === undefined
    ? []
    : parseCertificatesPem(textOfUtf8(readInputFile(resolve(file), VERIFY_FILE_BYTES_MAX)));
}

function instantOf(text: string): UnixMs {
  const at = Date.parse(text);
  if (Number.isNaN(at) || !/^\d{4}-\d{2}-\d{2}/.test(text))
    throw new MeshError('ERR_USAGE', `--at ${quoted(text)}, expected a time as 2027-01-31T12:00:00Z`);
  return at as UnixMs;
}

function showVerdict(output: Output, verdict: FileVerdict): void {
  const { kind, ok, error, ...facts } = verdict;
  const rows = Object.entries(facts).map(([name, fact]) => [
    name,
    typeof fact === 'string' ? fact : JSON.stringify(fact),
  ]);
  const why = error === undefined ? '' : `: ${error.message} (${error.code})`;
  output.result(
    verdict,
    `${kind}, ${ok ? 'holds' : 'does not hold'}${why}\n${renderTable(['WHAT', 'IT SAYS'], rows, '')}`,
  );
  if (!output.isJson && error?.hint !== undefined) output.note(`chainmail: hint: ${error.hint}`);
}

function readJson(path: string): unknown {
  const json = parseJson(textOfUtf8(readInputFile(path, VERIFY_FILE_BYTES_MAX)));
  if (typeof json === 'object' && json !== null) return json;
  throw new MeshError('ERR_INPUT', `file ${quoted(path)} holds no JSON object`);
}
