import { hostname } from 'node:os';
import { rememberChecks } from '../../crypto/signatures/remembered-checks.ts';
import { checkX509Signature } from '../../crypto/signatures/x509-signature.ts';
import type { NodeProfile } from '../../node/node-options.ts';
import { signingIdentityOf } from '../../node/publishing/publisher.ts';
import { programVersion } from '../version.ts';
import type { NodeConfig } from './config.ts';
import type { EnrolledNode } from './enrolled-node.ts';

/** Who the node of a directory is, and what enrolment and configuration set of it. */
export function nodeProfileOf(enrolled: EnrolledNode, config: NodeConfig): NodeProfile {
  const { mesh, nodeId, leaf, chain, roles, root } = enrolled;
  return {
    trust: { mesh, anchors: [root], checkSignature: rememberChecks(checkX509Signature) },
    identity: signingIdentityOf(nodeId, leaf),
    chain,
    roles,
    name: displayNameOf(config),
    software: programVersion(),
    settings: {
      gossip: { fanout: enrolled.config.gossip_fanout },
      batches: config.batch_signatures,
      wallets: config.wallets,
    },
  };
}

/** A name for people. */
export function displayNameOf({ name }: NodeConfig): string {
  return name ?? hostname().slice(0, 32);
}
