import type { Command } from 'commander';
import { createLog } from '../../../daemon/log.ts';
import type { LogLevel } from '../../../daemon/log-level.ts';
import { act, addCommand, addressOption, logLevelOption, groupNamed } from '../../command.ts';
import { startedUnless, untilStopped } from '../../signals.ts';

interface ServeOptions {
  readonly dir: string;
  readonly listen: string;
  readonly riverCompat?: true;
  readonly requireSession?: true;
  readonly logLevel?: LogLevel;
}

/** `chainmail stream serve` */
export function register(program: Command): void {
  const group = groupNamed(program, 'stream');
  addCommand(
    group,
    'serve',
    'keep streams of events, and take events from clients of River',
    'chainmail stream serve --dir streams --listen 127.0.0.1:5170',
  )
    .requiredOption('--dir <directory>', 'where the streams and the wallet of the node are; made where it is missing')
    .requiredOption('--listen <host:port>', 'where to listen; port 0 is any free one', addressOption(0))
    .option('--river-compat', 'accept delegates that never expire, as River does')
    .option('--require-session', 'answer calls on streams only to users who have authenticated; needed off loopback')
    .addOption(logLevelOption('info'))
    .action(
      act<ServeOptions>(async ({ output, options }) => {
        const { runStreams } = await import('../../../daemon/streams/run.ts');
        const stopped = untilStopped();
        const starting = runStreams({
          directory: options.dir,
          listen: options.listen,
          forever: options.riverCompat === true ? 'allowed' : 'refused',
          needsSession: options.requireSession === true,
          log: createLog(options.logLevel ?? 'info', 'stream'),
        });
        const running = await startedUnless(stopped, starting);
        const { url, address } = running;
        output.event({ event: 'ready', url, address }, `stream store listens at ${url} (Ctrl-C ends it)`);
        await stopped;
        await running.close();
      }),
    );
}
