import { type Command, Option } from 'commander';
import { createLog } from '../../../daemon/log.ts';
import type { LogLevel } from '../../../daemon/log-level.ts';
import { ENGINES } from '../../../host/signer/engines/engines.ts';
import type { SigningEngine } from '../../../ports/batch-signer.ts';
import { act, addCommand, addressOption, logLevelOption, groupNamed } from '../../command.ts';
import { startedUnless, untilStopped } from '../../signals.ts';
import { placeOf, withPlace } from './place.ts';

interface RunOptions {
  readonly dir?: string;
  readonly store?: string;
  readonly keys?: string;
  readonly listen: string;
  readonly serviceUrl?: string;
  readonly tokenFile?: string;
  readonly callers?: string;
  readonly auditFile?: string;
  readonly engine?: SigningEngine;
  readonly logLevel?: LogLevel;
}

/** `chainmail signer run` */
export function register(program: Command): void {
  const group = groupNamed(program, 'signer');
  withPlace(
    addCommand(
      group,
      'run',
      'serve signing over HTTP; replicas on one store share the work',
      'chainmail signer run --dir records --listen 127.0.0.1:8080\nchainmail signer run --store mongodb://db/signer --keys /keys --listen 0.0.0.0:8080 --token-file token --service-url http://signer:8080',
    ),
  )
    .requiredOption('--listen <host:port>', 'where to listen; port 0 is any free one', addressOption(0))
    .option('--service-url <url>', 'where replicas reach each other (default: the own address)')
    .option('--token-file <file>', 'what callers show as Authorization: Bearer; needed off loopback')
    .option('--callers <file>', 'YAML: which callers, by the SHA-256 of their tokens, may use which keys')
    .option('--audit-file <file>', 'who asked for what, as hash-chained JSON lines')
    .addOption(
      new Option('--engine <engine>', 'what signs (default: the fastest that works here)').choices([...ENGINES]),
    )
    .addOption(logLevelOption('info'))
    .action(
      act<RunOptions>(async ({ output, options }) => {
        const { runSigner } = await import('../../../daemon/signer/service.ts');
        const stopped = untilStopped();
        const starting = runSigner({
          place: placeOf(options),
          environment: process.env,
          listen: options.listen,
          serviceUrl: options.serviceUrl,
          tokenFile: options.tokenFile,
          callersFile: options.callers,
          auditFile: options.auditFile,
          engine: options.engine,
          log: createLog(options.logLevel ?? 'info', 'signer'),
        });
        const running = await startedUnless(stopped, starting);
        output.event({ event: 'ready', url: running.url }, `signer listens at ${running.url} (Ctrl-C ends it)`);
        await stopped;
        await running.close();
      }),
    );
}
