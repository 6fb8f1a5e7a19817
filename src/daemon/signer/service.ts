import { createServer } from 'node:http';
import { randomBytes, randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { EMPTY, textOfUtf8, utf8 } from '../../base/bytes.ts';
import { MeshError, quoted } from '../../base/errors.ts';
import { toRfc3339 } from '../../base/time.ts';
import { sha256 } from '../../crypto/hash.ts';
import { lockDirectory } from '../../host/files/directory-lock.ts';
import { AuditFile } from '../../host/signer/audit-file.ts';
import { callBatch } from '../../host/signer/batch-client.ts';
import { lanesOf } from '../../host/signer/engines/engines.ts';
import { readMountedSecret } from '../../host/signer/keys/mounted-secret.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { systemRandom } from '../../host/machine/system-random.ts';
import { createHttpApp } from '../../http/server.ts';
import type { Caller } from '../../http/signer/credential.ts';
import { IMPORT_MS_MAX } from '../../http/signer/post-records.ts';
import { addSignerRoutes } from '../../http/signer/routes.ts';
import { formatAddress, splitAddress } from '../../message/payloads/address.ts';
import type { SigningEngine } from '../../ports/batch-signer.ts';
import type { MalformedRecord, RecordStore } from '../../ports/record-store.ts';
import { allKeyIndexes } from '../../signer/key-ring.ts';
import { signBatch } from '../../signer/sign-batch.ts';
import { loadCallers } from './callers.ts';
import { hostFromHere, isLoopback } from '../../host/machine/interfaces.ts';
import { listenHttp } from '../listen.ts';
import { type Log, requestLog } from '../log.ts';
import { Turns } from './turns.ts';
import { openRecordStore, openRingSigner, type SignerPlace } from './place.ts';
import { RunDriver } from './run-driver.ts';

/** Batches that one replica signs at a time; what they hold bounds its memory. */
export const BATCHES_AT_ONCE = 4;
/** Batches that wait for their turn. More are sent elsewhere, or again. */
export const BATCHES_WAITING_MAX = 64;

/** Longer tokens and cluster secrets are no safer. */
export const TOKEN_BYTES_MAX = 4_096;

export interface RunSignerOptions {
  readonly place: SignerPlace;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `HOST:PORT` */
  readonly listen: string;
  /** Through which replicas reach each other; by default this one's own address. */
  readonly serviceUrl: string | undefined;
  readonly tokenFile: string | undefined;
  /** YAML that says which callers may use which keys; instead of one token for all. */
  readonly callersFile: string | undefined;
  readonly auditFile: string | undefined;
  readonly engine: SigningEngine | undefined;
  readonly log: Log;
}

export interface RunningSigner {
  /** `http://HOST:PORT`. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Runs a replica of the signer.
 * @throws ERR_USAGE where others than this machine could call without a token; ERR_PORT_IN_USE; ERR_DIR_LOCKED; as
 * `openRecordStore` and `openRingSigner`.
 */
export async function runSigner(options: RunSignerOptions): Promise<RunningSigner> {
  const { place, environment, log } = options;
  const listen = splitAddress(options.listen, 0);
  checkReach(options, listen.host);
  const serviceUrl = checkedUrl(options.serviceUrl);
  const cluster = clusterSecret(environment['CHAINMAIL_CLUSTER_SECRET_FILE']);
  const closers = new AsyncDisposableStack();
  try {
    const signer = await openRingSigner(place, environment, options.engine);
    closers.defer(() => signer.close());
    const store = await openRecordStore(place, true);
    closers.defer(() => store.close());
    if (place.store === undefined) {
      const lock = lockDirectory(resolve(place.dir as string));
      closers.defer(() => lock.release());
      await disown(store); // whoever drove a run here was killed: the lock is ours
    }
    const audit = options.auditFile === undefined ? undefined : AuditFile.open(resolve(options.auditFile));
    closers.defer(() => audit?.close());
    let ownUrl = '';
    const driver = new RunDriver({
      store,
      publicKeys: signer.publicKeys,
      clock: systemClock,
      random: systemRandom,
      callBatch: ({ batchId, batchCount, keyIndex }, runId, ring) =>
        callBatch({
          serviceUrl: serviceUrl ?? ownUrl,
          path: `/batch/${batchId}/${batchCount}/${keyIndex}`,
          headers: { authorization: `Bearer ${cluster}`, 'chainmail-run': runId, 'chainmail-ring': ring },
        }),
      log,
    });
    const onMalformed = (records: readonly MalformedRecord[]): void => {
      for (const { record, code } of records) log.warn({ record, code }, 'a record cannot be signed');
    };
    const turns = new Turns(BATCHES_AT_ONCE, BATCHES_WAITING_MAX);
    const deps = {
      store,
      signer,
      random: systemRandom,
      lanes: Math.max(2, lanesOf() / 2),
      clock: systemClock,
      onMalformed,
    };
    const app = await createHttpApp({
      createServer,
      rate: undefined,
      requestMsMax: IMPORT_MS_MAX,
      ...requestLog(log, 'info'),
    });
    closers.defer(() => app.close());
    closers.defer(() => driver.close()); // first: what it calls may be this very process
    addSignerRoutes(app, {
      store,
      clock: systemClock,
      ringSize: signer.publicKeys.length,
      startRun: (batchSize, keyIndexes) => driver.start(batchSize, keyIndexes),
      untilEnded: (runId) => driver.untilEnded(runId),
      signBatch: (order) => turns.take(() => signBatch(deps, { ...order, owner: randomUUID() })),
      callers: callersOf(options, signer.publicKeys.length),
      audit: (caller, action, detail) => {
        audit?.append({ at: toRfc3339(systemClock.wall()), caller, action, ...detail });
        log.info({ caller, action, ...detail }, 'audit');
      },
      clusterSecretHash: sha256(utf8(cluster)),
    });
    const port = await listenHttp(app, listen.host, listen.port);
    ownUrl = `http://${formatAddress(hostFromHere(listen.host), port)}`;
    driver.watch();
    log.info({ url: ownUrl, engine: signer.engine, keys: signer.publicKeys.length }, 'signer listens');
    return { url: ownUrl, close: () => closers.disposeAsync() };
  } catch (error) {
    await closers.disposeAsync();
    throw error;
  }
}

async function disown(store: RecordStore): Promise<void> {
  const run = await store.currentRun();
  if (run !== undefined) await store.driveRun(run.runId, run.driver, systemClock.wall(), 0);
}

/** @throws ERR_USAGE where others than this machine could call without showing anything. */
function checkReach({ tokenFile, callersFile }: RunSignerOptions, host: string): void {
  if (tokenFile !== undefined && callersFile !== undefined)
    throw new MeshError('ERR_USAGE', 'both --token-file and --callers are given', 'put its hash into the callers file');
  if (tokenFile !== undefined || callersFile !== undefined || isLoopback(host)) return;
  throw new MeshError(
    'ERR_USAGE',
    `others than this machine can reach ${quoted(host)}, and no token is set`,
    'give --token-file FILE or --callers FILE, or listen on 127.0.0.1',
  );
}

function callersOf({ tokenFile, callersFile }: RunSignerOptions, ringSize: number): readonly Caller[] | Caller {
  if (callersFile !== undefined) return loadCallers(callersFile, ringSize);
  const keyIndexes = allKeyIndexes(ringSize);
  if (tokenFile === undefined) return { name: 'local', tokenHash: EMPTY, keyIndexes };
  return [{ name: 'token', tokenHash: sha256(utf8(readToken(tokenFile))), keyIndexes }];
}

/** What replicas show each other. One that is alone makes its own. */
function clusterSecret(file: string | undefined): string {
  return file === undefined ? randomBytes(32).toString('hex') : readToken(file);
}

/** @throws ERR_CONFIG, ERR_KEY_MISSING, ERR_KEY_FILE_MODE */
export function readToken(file: string): string {
  const token = textOfUtf8(readMountedSecret(resolve(file), TOKEN_BYTES_MAX)).trim();
  if (!/^[\x21-\x7e]{16,}$/.test(token))
    throw new MeshError('ERR_CONFIG', `secret file ${quoted(file)}: expected one line of at least 16 characters`);
  return token;
}

function checkedUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new MeshError('ERR_USAGE', `service URL ${quoted(text)}, expected http://HOST:PORT`);
  return text;
}
