import { hostname } from 'node:os';
import { MeshError, messageOf, quoted } from '../../base/errors.ts';
import { messageAlgorithmOf } from '../../crypto/public-key.ts';
import type { Signer } from '../../crypto/signer.ts';
import { keyAlgorithmOf } from '../../crypto/spki.ts';
import { rememberChecks } from '../../crypto/remembered-checks.ts';
import { checkX509Signature } from '../../crypto/x509-signature.ts';
import { NodeHost } from '../../host/node/node-host.ts';
import { frequentKeys } from '../../host/p256/frequent-keys.ts';
import { pointAdderOnDemand } from '../../host/secp256k1/point-adder.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { systemRandom } from '../../host/machine/system-random.ts';
import { TlsDialler } from '../../host/tls/dialler.ts';
import type { TlsIdentity } from '../../host/tls/server-options.ts';
import { startOf } from '../../node/node-start.ts';
import type { NodeStore } from '../../ports/node-store.ts';
import type { EnrolledNode } from './enrolled-node.ts';
import type { Log } from '../log.ts';
import type { NodeConfig } from './config.ts';
import { programVersion } from '../version.ts';

export interface NodeHostParts {
  readonly identity: TlsIdentity;
  readonly signer: Signer;
  readonly store: NodeStore;
  readonly log: Log;
}

/** A node with what its store kept, in a stream of its own that is durable before its first message. */
export async function openNodeHost(
  enrolled: EnrolledNode,
  config: NodeConfig,
  parts: NodeHostParts,
): Promise<NodeHost> {
  const { identity, signer, store, log } = parts;
  const { mesh, chain, leaf } = enrolled;
  const algorithm = messageAlgorithmOf(keyAlgorithmOf(leaf.spki));
  if (algorithm === undefined)
    throw new MeshError('ERR_STATE_CORRUPT', 'the certificate of this node has a key that signs no messages');
  const { incarnation, restored, changes } = startOf(store.load(), systemClock.wall());
  await store.apply(changes);
  try {
    const dialler: TlsDialler = new TlsDialler({
      mesh,
      identity,
      judge: (chain, purpose) => host.judge(chain, purpose),
    });
    const host: NodeHost = new NodeHost({
      mesh,
      identity: { nodeId: enrolled.nodeId, algorithm, leafKey: leaf.fingerprintHex },
      chain,
      roles: enrolled.roles,
      name: displayNameOf(config),
      software: programVersion(),
      addresses: [],
      incarnation,
      trust: { mesh, anchors: [enrolled.root], checkSignature: rememberChecks(checkX509Signature) },
      store,
      restored,
      random: systemRandom,
      addScalarToPoint: pointAdderOnDemand(),
      checkSignature: frequentKeys((error) => log.error({ err: error }, 'this should not happen')),
      gossip: { fanout: enrolled.config.gossip_fanout },
      batches: config.batch_signatures,
      wallets: config.wallets,
      clock: systemClock,
      signer,
      dialler,
      onDialFailed: (address, error) => log.debug({ address, reason: messageOf(error) }, 'dial failed'),
      onUnexpected: (error) => log.error({ err: error }, 'this should not happen'),
    });
    return host;
  } catch (error) {
    throw new MeshError(
      'ERR_STATE_CORRUPT',
      `state file ${quoted(enrolled.layout.database)}: ${messageOf(error)}`,
      undefined,
      { cause: error },
    );
  }
}

/** A name for people. */
export function displayNameOf({ name }: NodeConfig): string {
  return name ?? hostname().slice(0, 32);
}
