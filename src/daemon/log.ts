import { destination, type Logger, pino } from 'pino';
import { messageOf } from '../base/errors.ts';
import type { HttpAppOptions } from '../http/server.ts';
import type { LogLevel } from './log-level.ts';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** How the HTTP apps of a process log: each request, and errors that nobody expected. */
export function requestLog(
  log: Log,
  /** Where strangers knock, refusals are worth a line; where members ask, only who looks for them wants it. */
  refused: 'info' | 'debug',
): Pick<HttpAppOptions, 'onRequestDone' | 'onUnexpected' | 'onTrouble'> {
  return {
    onRequestDone: (record) =>
      record.code === undefined ? log.debug(record, 'answered') : log[refused](record, 'refused'),
    onUnexpected: (error) => log.error({ err: error }, 'request failed'),
    onTrouble: (error) => log.error({ reason: messageOf(error) }, 'a connection could not be taken'),
  };
}

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
