import { MeshError, messageOf } from '../../base/errors.ts';
import { toRfc3339, type UnixMs } from '../../base/time.ts';
import type { Secret } from '../../crypto/secret.ts';
import { lockDirectory } from '../../host/files/directory-lock.ts';
import type { NodeHost } from '../../host/node/node-host.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { TlsPort, type TlsPortOptions } from '../../host/tls/port.ts';
import type { TlsIdentity } from '../../host/tls/server-options.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { type Address, splitAddress } from '../../message/payloads/address.ts';
import { type EnrolledNode, loadEnrolledNode, openIdentityKey } from './enrolled-node.ts';
import { openKeys } from '../keys.ts';
import { listenError } from '../listen.ts';
import { createLog, type Log } from '../log.ts';
import { addressesOf } from './addresses.ts';
import { loadNodeConfig, type NodeConfig } from './config.ts';
import { contactAuthority, openMulticast, tellBootstrapPeers } from './contacts.ts';
import { openNodeHost } from './open-host.ts';
import { displayNameOf } from './profile.ts';
import { openNodeStore } from './store.ts';
import { programVersion } from '../version.ts';
import { watchCertificate, watchClock, watchEvents } from './watch.ts';
import { openMembers, openPrograms } from './open-http.ts';

/** Oldest Node.js that resumes no TLS session under another server's name, and does not authorise whom it should not (T13). */
export const NODE_MAJOR_MIN = 26;
/** Peers that were told goodbye get this long to hear it. */
const GOODBYE_MS = 200;

export interface RunNodeOptions {
  readonly directory: string;
  readonly passphrase: Secret;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Knobs from the command line. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** By default what the configuration says, on standard error. */
  readonly log?: Log;
}

export interface RunningNode {
  /** Where it can be reached. */
  readonly address: Address;
  readonly nodeId: NodeId;
  readonly mesh: string;
  /** Resolves when a program asks the node to leave. */
  readonly askedToLeave: Promise<void>;
  /** Says goodbye to all peers, closes everything, lets go of the directory. */
  close(): Promise<void>;
}

/**
 * Runs the node of a directory: its port, its control socket, its talk with the authority.
 *
 * @throws ERR_DIR_NOT_INITIALISED, ERR_DIR_LOCKED, ERR_PASSPHRASE_WRONG, ERR_CONFIG, ERR_STATE_..., ERR_PORT_IN_USE;
 *   ERR_PATH_EXPIRED where its certificate has ended; ERR_RUNTIME.
 */
export async function runNode(options: RunNodeOptions): Promise<RunningNode> {
  requireRuntime(process.versions.node);
  const enrolled = loadEnrolledNode(options.directory);
  const config = loadNodeConfig({
    directory: options.directory,
    environment: options.environment,
    flags: options.flags ?? {},
  });
  requireCurrent(enrolled);
  const log = options.log ?? createLog(config.log_level, 'node');
  const closers = new AsyncDisposableStack();
  try {
    const lock = lockDirectory(enrolled.layout.directory);
    closers.defer(() => lock.release());
    const keys = await openKeys(enrolled.layout.keys, options.passphrase);
    const signer = await openIdentityKey(keys, enrolled.leaf);
    const identity: TlsIdentity = {
      certificate: enrolled.certificatePem,
      key: await keys.exportPem('identity'),
      trustAnchors: [enrolled.rootPem],
    };
    const store = await openNodeStore(enrolled);
    closers.defer(() => store.close());
    const { host, clock } = await openNodeHost(enrolled, config, { identity, signer, store, log });
    closers.defer(async () => {
      host.leave();
      await new Promise((resolve) => setTimeout(resolve, GOODBYE_MS));
    });

    const carrier = await openMembers(closers, host, config, log);
    const listen = splitAddress(config.listen, 0);
    const port = await listenTls(config, {
      identity,
      judge: host.judge,
      revocationPollMs: config.crl_poll,
      onLink: (socket, peer) => host.acceptLink(socket, peer),
      onHttp: (socket, member) => carrier.handOver(socket, member),
      onRefused: (refused) => {
        host.node.statistics.handshakesRefused++;
        log.debug(refused, 'handshake refused');
      },
      onTrouble: (error) => log.error({ reason: messageOf(error) }, 'a connection could not be taken'),
    });
    closers.defer(() => port.close());
    host.onEvent(({ tag }) => {
      if (tag === 'crl') port.forgetSessions();
    });
    const addresses = addressesOf(config, listen.host, splitAddress(port.address).port);
    host.setAddresses(addresses);

    const asked = Promise.withResolvers<void>();
    const facts = {
      name: displayNameOf(config),
      version: programVersion(),
      startedAt: systemClock.wall(),
      certificate: enrolled.leaf,
      addresses: () => addresses,
      isRevoked: () => isRevoked(host, enrolled),
      clockBehindMs: () => clock.behindMs,
    };
    await openPrograms(closers, enrolled.layout.directory, { service: host, facts, leave: asked.resolve }, log);

    tellBootstrapPeers(host, enrolled, config, log);
    if (config.multicast) {
      const multicast = await openMulticast(host, listen.host, splitAddress(port.address).port, log);
      closers.defer(() => multicast?.close());
    }
    const contact = contactAuthority(enrolled, config, { identity, host, addresses, log });
    closers.defer(() => contact.stop());
    closers.defer(watchEvents(host, contact, log));
    closers.defer(watchCertificate(enrolled.leaf, clock, log));
    closers.defer(watchClock(clock, log));

    const [address = port.address] = addresses;
    log.info({ address, node_id: enrolled.nodeId, mesh: enrolled.mesh }, 'node listens');
    return {
      address,
      nodeId: host.node.self,
      mesh: enrolled.mesh,
      askedToLeave: asked.promise,
      close: () => closers.disposeAsync(),
    };
  } catch (error) {
    await closers.disposeAsync();
    throw error;
  }
}

function isRevoked(host: NodeHost, { chain }: EnrolledNode): boolean {
  const judgement = host.judge(chain, 'tls-client');
  return judgement.tag === 'refused' && judgement.code === 'ERR_PATH_REVOKED';
}

async function listenTls({ listen }: NodeConfig, options: TlsPortOptions): Promise<TlsPort> {
  const { host, port } = splitAddress(listen, 0);
  try {
    return await TlsPort.listen(host, port, options);
  } catch (error) {
    throw listenError(error, listen);
  }
}

/** @throws ERR_RUNTIME for a version of Node.js that is too old. */
export function requireRuntime(version: string): void {
  const major = Number(version.split('.', 1)[0]);
  if (major < NODE_MAJOR_MIN)
    throw new MeshError('ERR_RUNTIME', `Node.js ${version} is too old, expected ${NODE_MAJOR_MIN} or later`);
}

function requireCurrent({ notAfter, layout }: EnrolledNode): void {
  const now: UnixMs = systemClock.wall();
  if (notAfter > now) return;
  throw new MeshError(
    'ERR_PATH_EXPIRED',
    `the certificate of this node ended at ${toRfc3339(notAfter)}`,
    `check the clock; else enrol again: chainmail node enroll --dir ${layout.directory} --ticket FILE`,
  );
}
