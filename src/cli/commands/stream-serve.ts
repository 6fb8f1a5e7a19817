import { type Command, Option } from 'commander';
import { createLog, type LogLevel } from '../../daemon/log.ts';
import { act, addCommand } from '../command.ts';
import { startedUnless, untilStopped } from '../signals.ts';

interface ServeOptions {
  readonly dir: string;
  readonly listen: string;
  readonly riverCompat?: true;
  readonly requireSession?: true;
  readonly logLevel: LogLevel;
}

/** `chainmail stream serve` */
export function register(program: Command): void {
  const group = program.commands.find((command) => command.name() === 'stream');
  if (group === undefined) throw new RangeError('the group of commands «stream» comes first');
  addCommand(
    group,
    'serve',
    'keep streams of events, and take events from clients of River',
    'chainmail stream serve --dir streams --listen 127.0.0.1:5170',
  )
    .requiredOption('--dir <directory>', 'where the streams and the wallet of the node are; made where it is missing')
    .requiredOption('--listen <host:port>', 'where to listen; port 0 is any free one')
    .option('--river-compat', 'accept delegates that never expire, as River does')
    .option('--require-session', 'answer calls on streams only to users who have authenticated')
    .addOption(
      new Option('--log-level <level>', 'on standard error')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .action(
      act<ServeOptions>(async ({ output, options }) => {
        const { runStreams } = await import('../../daemon/streams.ts');
        const stopped = untilStopped();
        const starting = runStreams({
          directory: options.dir,
          listen: options.listen,
          forever: options.riverCompat === true ? 'allowed' : 'refused',
          needsSession: options.requireSession === true,
          log: createLog(options.logLevel, 'stream'),
        });
        const running = await startedUnless(stopped, starting);
        const { url, address } = running;
        output.event({ event: 'ready', url, address }, `stream store listens at ${url} (Ctrl-C ends it)`);
        await stopped;
        await running.close();
      }),
    );
}
