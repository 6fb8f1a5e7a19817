import { createReadStream } from 'node:fs';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { Bytes } from '../../../base/bytes.ts';
import { MeshError, messageOf, quoted } from '../../../base/errors.ts';
import { openRecordStore } from '../../../daemon/signer/place.ts';
import { signHere } from '../../../daemon/signer/sign-here.ts';
import { ENGINES, lanesOf, openChecker } from '../../../host/signer/engines/engines.ts';
import { ExportFile } from '../../../host/signer/export-file.ts';
import { systemClock } from '../../../host/machine/system-clock.ts';
import type { SigningEngine } from '../../../ports/batch-signer.ts';
import type { MalformedRecord } from '../../../ports/record-store.ts';
import { type ImportFormat, importRecords } from '../../../signer/import-records.ts';
import { BATCH_SIZE_MAX } from '../../../signer/plan.ts';
import { signedRecordJson } from '../../../signer/signed-line.ts';
import { statisticsJson } from '../../../signer/statistics.ts';
import { verifyExport } from '../../../signer/verify-export.ts';
import { act, addCommand, addGroup, integerOption } from '../../command.ts';
import { EXIT_REFUSED } from '../../output.ts';
import { Progress } from '../../progress.ts';
import { onStopWish } from '../../signals.ts';
import { renderTable } from '../../table.ts';
import { addKeys } from './keys.ts';
import { type PlaceOptions, placeOf, withPlace } from './place.ts';

/** Records of another program that an export leaves out and names; the rest is only counted. */
export const LEFT_OUT_LISTED_MAX = 100;

/** `chainmail signer …` */
export function register(program: Command): void {
  const group = addGroup(program, 'signer', 'sign records by the million: none lost, none twice');
  addKeys(group);
  addImport(group);
  addSign(group);
  addStats(group);
  addExport(group);
  addVerify(group);
}

function addImport(group: Command): void {
  withPlace(
    addCommand(
      group,
      'import <file>',
      'add records to sign, from a file or - for standard input; what is refused is told by line, the rest is kept',
      'chainmail signer import --dir records records.jsonl\nchainmail signer import --dir records --format csv -',
    ),
  )
    .addOption(
      new Option('--format <format>', 'JSON lines {"id","msg"}, or CSV with the header id,msg')
        .choices(['jsonl', 'csv'])
        .default('jsonl'),
    )
    .action(
      act<PlaceOptions & { readonly format: ImportFormat }>(async ({ output, options, args }) => {
        const input = openInput(args[0] as string);
        const store = await openRecordStore(placeOf(options), true);
        const progress = new Progress('records', output.isJson);
        let shown = 0;
        try {
          const result = await importRecords(store, input, options.format, {
            onProgress: (imported) => {
              progress.add(imported - shown);
              shown = imported;
            },
          });
          progress.end();
          const { imported, refused, errors } = result;
          for (const { line, code } of output.isJson ? [] : errors) output.note(`line ${line}: ${code}`);
          output.result(result, `${imported} imported, ${refused} refused`);
          if (refused > 0) process.exitCode = EXIT_REFUSED;
        } finally {
          await store.close();
        }
      }),
    );
}

function addSign(group: Command): void {
  withPlace(
    addCommand(
      group,
      'sign',
      'sign all that is unsigned, here; may be interrupted at any moment and goes on when called again',
      'chainmail signer sign --dir records --size 1000',
    ),
  )
    .option(
      '--size <n>',
      'records in a batch; one key signs a batch, each in turn',
      integerOption(1, BATCH_SIZE_MAX),
      1_000,
    )
    .addOption(
      new Option('--engine <engine>', 'what signs (default: the fastest that works here)').choices([...ENGINES]),
    )
    .action(
      act<PlaceOptions & { readonly size: number; readonly engine?: SigningEngine }>(async ({ output, options }) => {
        let isStopped = false;
        onStopWish(
          () => (isStopped = true),
          () => process.exit(EXIT_REFUSED), // asked twice: a kill is safe
        );
        const progress = new Progress('records', output.isJson);
        try {
          const { elapsedMs, errors, ...counts } = await signHere({
            place: placeOf(options),
            environment: process.env,
            batchSize: options.size,
            engine: options.engine,
            isStopped: () => isStopped,
            onBegin: (unsigned) => (progress.total = unsigned),
            onStored: (signed) => progress.add(signed),
            onWait: () => output.note('another process began to sign here; waiting whether it goes on'),
          });
          progress.end();
          const { signed, unsigned, conflicts, failed } = counts;
          for (const { record, code } of output.isJson ? [] : errors) output.note(`${record}: ${code}`);
          const rate = Math.round((signed * 1_000) / Math.max(1, elapsedMs));
          output.result(
            { ...counts, ...(errors.length === 0 ? {} : { errors }), elapsed_ms: elapsedMs },
            `${signed} signed in ${(elapsedMs / 1_000).toFixed(1)} s (${rate}/s), ${unsigned} unsigned, ${conflicts} conflicts, ${failed} failed`,
          );
          if (isStopped) output.note('interrupted; call it again to go on');
          if (isStopped || failed > 0) process.exitCode = EXIT_REFUSED;
        } finally {
          progress.end();
        }
      }),
    );
}

function addStats(group: Command): void {
  withPlace(
    addCommand(group, 'stats', 'how many are signed, unsigned and in conflict', 'chainmail signer stats --dir records'),
  ).action(
    act<PlaceOptions>(async ({ output, options }) => {
      const store = await openRecordStore(placeOf(options), false);
      try {
        const stats = await statisticsJson(store, systemClock.wall());
        const { signed, unsigned, conflicts, rate, by_key } = stats;
        const keys = renderTable(
          ['KEY', 'SIGNED'],
          Object.entries(by_key).map(([key, n]) => [`${key.slice(0, 18)}…`, String(n)]),
          'no key has signed yet',
        );
        output.result(stats, `${signed} signed, ${unsigned} unsigned, ${conflicts} conflicts, ${rate}/s\n${keys}`);
      } finally {
        await store.close();
      }
    }),
  );
}

function addExport(group: Command): void {
  withPlace(
    addCommand(
      group,
      'export',
      'write the signed records as JSON lines {"id","msg","sign","salt","key"}',
      'chainmail signer export --dir records --out signed.jsonl',
    ),
  )
    .option('--out <file>', 'the file to write, whole or not at all (default: standard output)')
    .action(
      act<PlaceOptions & { readonly out?: string }>(async ({ output, options }) => {
        const store = await openRecordStore(placeOf(options), false);
        let file: ExportFile | undefined;
        let exported = 0;
        let refused = 0;
        const leaveOut = ({ record, code }: MalformedRecord): void => {
          if (++refused <= LEFT_OUT_LISTED_MAX) output.note(`left out, as it cannot be read: ${record}: ${code}`);
        };
        try {
          if (options.out !== undefined) file = await ExportFile.open(resolve(options.out));
          for await (const records of store.signed(leaveOut)) {
            const text = records.map((record) => `${JSON.stringify(signedRecordJson(record))}\n`).join('');
            exported += records.length;
            if (file !== undefined) await file.write(text);
            else if (!process.stdout.write(text)) await once(process.stdout, 'drain');
          }
          if (refused > 0) process.exitCode = EXIT_REFUSED;
          if (file === undefined) return;
          await file.finish();
          const path = resolve(options.out as string);
          const leftOut = refused === 0 ? '' : `, ${refused} left out`;
          output.result(
            { exported, ...(refused === 0 ? {} : { refused }), file: path },
            `${exported} records in ${path}${leftOut}`,
          );
        } catch (error) {
          await file?.discard();
          throw error;
        } finally {
          await store.close();
        }
      }),
    );
}

function addVerify(group: Command): void {
  addCommand(
    group,
    'verify <file>',
    'check an export, on all cores: every signature recovers to its key, every id comes once',
    'chainmail signer verify signed.jsonl\nchainmail signer export --dir records | chainmail signer verify -',
  )
    .addOption(
      new Option('--engine <engine>', 'what checks (default: the fastest that works here)').choices([...ENGINES]),
    )
    .action(
      act<{ readonly engine?: SigningEngine }>(async ({ output, options, args }) => {
        const input = openInput(args[0] as string);
        const checker = await openChecker(options.engine);
        const progress = new Progress('records', output.isJson);
        try {
          const result = await verifyExport(checker, input, lanesOf(), (checked) => progress.add(checked));
          progress.end();
          const { ok, checked, errors } = result;
          for (const { line, id, code } of output.isJson ? [] : errors)
            output.note(`line ${line}: ${code}${id === undefined ? '' : ` ${quoted(id)}`}`);
          output.result(result, ok ? `${checked} checked, all right` : `${checked} checked, not all right`);
          if (!ok) process.exitCode = EXIT_REFUSED;
        } finally {
          await checker.close();
        }
      }),
    );
}

/** The bytes of a file, or of standard input for `-`. @throws ERR_INPUT where it cannot be read. */
async function* openInput(path: string): AsyncGenerator<Bytes> {
  try {
    yield* (path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1 << 20 })) as AsyncIterable<Bytes>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new MeshError('ERR_INPUT', `file ${quoted(path)} cannot be read: ${messageOf(error)}`);
  }
}
