import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type AuditResponse, auditResponseSchema } from '../../../api/authority.ts';
import { type AuditBreak, findBreak } from '../../../audit/audit-log.ts';
import { MeshError } from '../../../base/errors.ts';
import type { UnixMs } from '../../../base/time.ts';
import type { AuthorityDesk } from '../../../daemon/authority/desk.ts';
import type { AuditRow } from '../../../ports/authority/audit.ts';
import { act, addCommand, addGroup, integerOption } from '../../command.ts';
import { EXIT_REFUSED } from '../../output.ts';
import { renderTable } from '../../table.ts';
import { atAuthority, type AuthorityDirectoryOptions, withAuthorityDirectory } from '../../authority-directory.ts';

/** Entries asked for at once. */
const PAGE_ENTRIES = 1_000;
const LAST_DEFAULT = 50;
export const LAST_MAX = 100_000;

type Entry = AuditResponse['entries'][number];

/** `chainmail audit …` */
export function register(program: Command): void {
  const group = addGroup(program, 'audit', 'what an authority or a signer has done, and who asked for it');

  withAuthorityDirectory(
    addCommand(
      group,
      'list',
      'the latest entries of the audit log',
      'chainmail audit list --dir /var/lib/chainmail --last 20',
    ),
  )
    .option('--last <n>', `how many (default: ${LAST_DEFAULT})`, integerOption(1, LAST_MAX), LAST_DEFAULT)
    .action(
      act<AuthorityDirectoryOptions & { readonly last: number }>(async ({ output, options }) => {
        const entries = (await atAuthority(options, readAll)).slice(-options.last);
        const rows = entries.map(({ sequence, at, actor, action, subject, detail }) => [
          String(sequence),
          at,
          actor,
          action,
          subject,
          detail.map(({ name, value }) => `${name}=${value}`).join(' '),
        ]);
        output.result({ entries }, renderTable(['#', 'WHEN', 'WHO', 'DID', 'TO', 'DETAIL'], rows, 'nothing yet'));
      }),
    );

  addCommand(
    group,
    'verify',
    'check that no entry was changed, left out or put in: each holds the hash of the one before',
    'chainmail audit verify --dir /var/lib/chainmail\nchainmail audit verify --file signer-audit.jsonl',
  )
    .option('--dir <dir>', 'directory of the authority')
    .option('--passphrase-file <file>', 'file whose first line opens the keys (default: DIR/passphrase, or a prompt)')
    .option('--file <file>', 'what a signer wrote with --audit-file; it may be writing on')
    .action(
      act<Partial<AuthorityDirectoryOptions> & { readonly file?: string }>(async ({ output, options }) => {
        const { dir, file } = options;
        if ((dir === undefined) === (file === undefined))
          throw new MeshError('ERR_USAGE', 'either --dir or --file is expected');
        const { entries, head, broken } =
          file === undefined ? await verifyAuthority({ ...options, dir: dir as string }) : await verifyFile(file);
        output.result(
          { ok: broken === undefined, entries, head, broken: broken ?? null },
          verdictText(entries, head, broken),
        );
        if (broken !== undefined) process.exitCode = EXIT_REFUSED;
      }),
    );
}

interface Verdict {
  readonly entries: number;
  readonly head: string | null;
  readonly broken: AuditBreak | undefined;
}

async function verifyAuthority(options: AuthorityDirectoryOptions): Promise<Verdict> {
  const entries = await atAuthority(options, readAll);
  return {
    entries: entries.length,
    head: entries.at(-1)?.hash ?? null,
    broken: findBreak(undefined, entries.map(rowOf)),
  };
}

async function verifyFile(file: string): Promise<Verdict> {
  const { checkAuditFile } = await import('../../../host/signer/audit-file.ts');
  const { entries, head, brokenAt } = checkAuditFile(resolve(file));
  return {
    entries,
    head: entries === 0 ? null : head,
    broken: brokenAt === undefined ? undefined : { sequence: brokenAt, reason: 'previous-hash' },
  };
}

async function readAll(desk: AuthorityDesk): Promise<readonly Entry[]> {
  const all: Entry[] = [];
  for (let after: number | null = 0; after !== null; ) {
    const path = `/v1/audit?after=${after}&limit=${PAGE_ENTRIES}`;
    const page: AuditResponse = await desk.call(auditResponseSchema, { method: 'GET', path });
    all.push(...page.entries);
    after = page.next;
  }
  return all;
}

function rowOf({ at, detail, previous_hash: previousHash, ...entry }: Entry): AuditRow {
  return {
    ...entry,
    at: Date.parse(at) as UnixMs,
    detail: detail.map(({ name, value }) => [name, value]),
    previousHash,
  };
}

function verdictText(count: number, head: string | null, broken: AuditBreak | undefined): string {
  if (broken !== undefined)
    return `the chain breaks at entry ${broken.sequence} (${broken.reason}): the log was tampered with from there on`;
  return `${count} entries, unbroken; the last hash is ${head ?? 'none'}: keep it elsewhere`;
}
