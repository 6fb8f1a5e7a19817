import { utf8 } from '../../base/bytes.ts';
import { type UnixMs, unixMsFromSeconds } from '../../base/time.ts';
import type { Signer } from '../../crypto/keys/signer.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { parseMeshName } from '../../identity/mesh-name.ts';
import { parseNodeId } from '../../identity/node-id.ts';
import { parseMessageType } from '../../message/family.ts';
import { assembleMessage, composeMessage, type Message } from '../../message/message.ts';
import { parseCertificatesPem } from '../../pki/x509/certificate/certificate.ts';
import type { KeyStore } from '../../ports/key-store.ts';
import { nodeLayout } from '../directory.ts';
import { openKeys } from '../keys.ts';
import { readPassphrase } from '../passphrase.ts';
import { certificateOf, type Fleet, type FleetNode } from './fleet.ts';
import { dialForHello, postMessage, type ProbeCredential } from './probe.ts';

/** The key under which an enrolled node's certificate was issued. */
const CERTIFICATE_KEY = 'identity';

/** A node whose key is in other hands: it dials and signs with it, whatever the mesh thinks of it. */
export class Outcast {
  readonly node: FleetNode;
  readonly #fleet: Fleet;
  readonly #credential: ProbeCredential;
  readonly #signer: Signer;
  #counter = 0;

  private constructor(fleet: Fleet, node: FleetNode, credential: ProbeCredential, signer: Signer) {
    this.#fleet = fleet;
    this.node = node;
    this.#credential = credential;
    this.#signer = signer;
  }

  static async of(fleet: Fleet, node: FleetNode): Promise<Outcast> {
    const keys = await keysOf(node);
    return new Outcast(fleet, node, await credentialOf(fleet, node, keys), await keys.open(CERTIFICATE_KEY));
  }

  /** Dials another node with the outcast's key. */
  dial(other: FleetNode): ReturnType<typeof dialForHello> {
    return dialForHello(other.address, this.#credential);
  }

  /** Has a friend, who is believed, hand a message that the outcast signs to `other`. @returns whether it was dropped for the signer's sake. */
  async isDroppedBy(other: FleetNode): Promise<boolean> {
    const friend = this.#fleet.nodes.find((node) => node !== other && node !== this.node) ?? other;
    const credential = await credentialOf(this.#fleet, friend, await keysOf(friend));
    const call = { address: other.address, serverName: `${other.nodeId}.${this.#fleet.mesh}`, credential };
    return (await postMessage(call, await this.#sign())) === 'ERR_MESSAGE_REVOKED_ORIGIN';
  }

  async #sign(): Promise<Message> {
    const [leaf] = parseCertificatesPem(this.#credential.certificate);
    if (leaf === undefined) throw new RangeError('an enrolled node has a certificate');
    const seconds = Math.floor(systemClock.wall() / 1_000);
    const composed = composeMessage(parseMeshName(this.#fleet.mesh), {
      algorithm: 'ES256',
      type: parseMessageType('indicator'),
      contentType: 'application/json',
      origin: parseNodeId(this.node.nodeId),
      incarnation: seconds,
      counter: this.#counter++,
      issuedAt: unixMsFromSeconds(seconds),
      expiresAt: (unixMsFromSeconds(seconds) + 60_000) as UnixMs,
      voucherHash: leaf.fingerprint,
      payload: utf8('{"kind":"rule","value":"believe me","risk":0}'),
    });
    return assembleMessage(composed, await this.#signer.sign(composed.toBeSigned));
  }
}

async function keysOf(node: FleetNode): Promise<KeyStore> {
  using passphrase = await readPassphrase({ directory: node.directory, environment: {} });
  return await openKeys(nodeLayout(node.directory).keys, passphrase);
}

async function credentialOf(fleet: Fleet, node: FleetNode, keys: KeyStore): Promise<ProbeCredential> {
  return {
    certificate: certificateOf(node),
    key: await keys.exportPem(CERTIFICATE_KEY),
    trustAnchors: [fleet.trustAnchor],
  };
}
