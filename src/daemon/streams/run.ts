import { join, resolve } from 'node:path';
import { MeshError, quoted } from '../../base/errors.ts';
import { lockDirectory } from '../../host/files/directory-lock.ts';
import { createPlainServer } from '../../host/http/plain-server.ts';
import { SqliteStreamStore } from '../../host/sqlite/stream-store.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { systemRandom } from '../../host/machine/system-random.ts';
import { openWalletFile } from '../../host/keys/wallet-file.ts';
import { createHttpApp, type RequestRate } from '../../http/server.ts';
import { addStreamRoutes } from '../../http/streams/routes.ts';
import { formatAddress, splitAddress } from '../../message/payloads/address.ts';
import { addressText, walletOf } from '../../message/river/wallet.ts';
import { Authentication } from '../../streams/authentication.ts';
import { StreamService, type StreamServiceDeps } from '../../streams/stream-service.ts';
import { WalletEpochs } from '../../streams/wallet-epochs.ts';
import { makeDirectory } from '../directory.ts';
import { isLoopback } from '../../host/machine/interfaces.ts';
import { listenHttp } from '../listen.ts';
import { type Log, requestLog } from '../log.ts';
import { programVersion } from '../version.ts';
import { BlockTimer } from './block-timer.ts';

/** Requests of one client. An event under a delegate costs some 2 ms of signatures: one client takes less than half a core. */
export const STREAM_REQUEST_RATE: RequestRate = { requestsMax: 2_000, windowMs: 10_000 };

/** Open connections. Each may be sending the largest body: 512 MiB at most. */
export const STREAM_CONNECTIONS_MAX = 256;

export interface RunStreamsOptions {
  readonly directory: string;
  /** `HOST:PORT` */
  readonly listen: string;
  /** Whether delegates that never expire are taken, as River does. */
  readonly forever: StreamServiceDeps['forever'];
  /** Whether a call on streams must show a session. */
  readonly needsSession: boolean;
  readonly log: Log;
  /** {@link STREAM_REQUEST_RATE} where it is absent. */
  readonly rate?: RequestRate;
}

export interface RunningStreams {
  /** `http://HOST:PORT` */
  readonly url: string;
  /** Of the node's wallet. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Serves the streams of a directory; what it lacks is made.
 * @throws ERR_USAGE where strangers could read; ERR_DIR_LOCKED, ERR_STATE_..., ERR_KEY, ERR_KEY_FILE_MODE, ERR_PORT_IN_USE
 */
export async function runStreams(options: RunStreamsOptions): Promise<RunningStreams> {
  const { log, forever } = options;
  const listen = splitAddress(options.listen, 0);
  checkReach(options, listen.host);
  const directory = resolve(options.directory);
  makeDirectory(directory);
  const closers = new AsyncDisposableStack();
  try {
    const lock = lockDirectory(directory);
    closers.defer(() => lock.release());
    const key = openWalletFile(join(directory, 'wallet.key'), systemRandom);
    closers.defer(() => key[Symbol.dispose]());
    const wallet = walletOf(key);
    const store = SqliteStreamStore.open(join(directory, 'streams.db'), 'create');
    closers.defer(() => store.close());
    const timer = new BlockTimer(log);
    const epochs = await WalletEpochs.open(store);
    const deps = { clock: systemClock, random: systemRandom, forever, epochs };
    const streams = await StreamService.open({ ...deps, store, wallet, onDeadline: () => timer.arm() });
    closers.defer(() => timer.close());
    const app = await createHttpApp({
      createServer: createPlainServer,
      rate: options.rate ?? STREAM_REQUEST_RATE,
      ...requestLog(log, 'info'),
    });
    app.server.maxConnections = STREAM_CONNECTIONS_MAX;
    closers.defer(() => app.close());
    addStreamRoutes(app, {
      streams,
      epochs,
      authentication: new Authentication(deps),
      needsSession: options.needsSession,
      startedAt: systemClock.wall(),
      version: programVersion(),
      onUnexpected: (error) => log.error({ err: error }, 'call failed'),
    });
    const port = await listenHttp(app, listen.host, listen.port);
    timer.start(streams);
    const url = `http://${formatAddress(listen.host, port)}`;
    const address = addressText(wallet.address);
    log.info({ url, wallet: address }, 'stream store listens');
    return { url, address, close: () => closers.disposeAsync() };
  } catch (error) {
    await closers.disposeAsync();
    throw error;
  }
}

/** @throws ERR_USAGE where others than this machine could read streams without showing anything. */
function checkReach({ needsSession }: RunStreamsOptions, host: string): void {
  if (needsSession || isLoopback(host)) return;
  throw new MeshError(
    'ERR_USAGE',
    `others than this machine can reach ${quoted(host)}, and no session is required`,
    'give --require-session, or listen on 127.0.0.1',
  );
}
