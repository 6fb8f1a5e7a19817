import { MeshError, messageOf, quoted } from '../../base/errors.ts';
import type { Signer } from '../../crypto/keys/signer.ts';
import { NodeHost } from '../../host/node/node-host.ts';
import { pointAdderOnDemand } from '../../host/secp256k1/point-adder.ts';
import { FlooredClock } from '../../host/machine/floored-clock.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { systemRandom } from '../../host/machine/system-random.ts';
import { TlsDialler } from '../../host/tls/dialler.ts';
import type { TlsIdentity } from '../../host/tls/server-options.ts';
import { startOf } from '../../node/node-start.ts';
import type { NodeStore } from '../../ports/node-store.ts';
import type { Log } from '../log.ts';
import type { NodeConfig } from './config.ts';
import type { EnrolledNode } from './enrolled-node.ts';
import { nodeProfileOf } from './profile.ts';

export interface NodeHostParts {
  readonly identity: TlsIdentity;
  readonly signer: Signer;
  readonly store: NodeStore;
  readonly log: Log;
}

/** A node, and the clock that it goes by. */
export interface OpenNodeHost {
  readonly host: NodeHost;
  readonly clock: FlooredClock;
}

/** A node with what its store kept, in a stream of its own that is durable before its first message. */
export async function openNodeHost(
  enrolled: EnrolledNode,
  config: NodeConfig,
  { identity, signer, store, log }: NodeHostParts,
): Promise<OpenNodeHost> {
  const stored = store.load();
  const clock = new FlooredClock(systemClock, stored.timeFloor);
  const start = startOf(stored, clock.wall());
  await store.apply(start.changes);
  const onUnexpected = (error: unknown): void => log.error({ err: error }, 'this should not happen');
  try {
    const host = new NodeHost({
      ...nodeProfileOf(enrolled, config),
      store,
      start,
      random: systemRandom,
      addScalarToPoint: pointAdderOnDemand(),
      clock,
      onSigned: (at) => {
        const timeFloor = clock.raise(at);
        if (timeFloor !== undefined) store.apply([{ tag: 'put-time-floor', timeFloor }]).catch(onUnexpected);
      },
      signer,
      dialler: (judge) => new TlsDialler({ mesh: enrolled.mesh, identity, judge }),
      onDialFailed: (address, error) => log.debug({ address, reason: messageOf(error) }, 'dial failed'),
      onUnexpected,
    });
    return { host, clock };
  } catch (error) {
    throw new MeshError(
      'ERR_STATE_CORRUPT',
      `state file ${quoted(enrolled.layout.database)}: ${messageOf(error)}`,
      undefined,
      { cause: error },
    );
  }
}
