import { destination, type Logger, pino } from 'pino';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Members that must never reach a log, wherever they stand. */
const REDACTED = ['token', '*.token', 'passphrase', '*.passphrase', 'key', '*.key', 'csr', '*.csr'];

/** JSON lines on standard error, written at once: the last line before a crash is the one that matters. */
export function createLog(level: LogLevel, name: string): Log {
  return pino(
    {
      level,
      name,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: REDACTED, censor: '[secret]' },
    },
    destination({ dest: 2, sync: true }),
  );
}
