import { delegateSchema, listedResponseSchema } from '../../api/delegates.ts';
import { messageIdResponseSchema } from '../../api/node-gossip.ts';
import { type Bytes, fromBase64, toBase64, toHex, utf8 } from '../../base/bytes.ts';
import { isMeshError } from '../../base/errors.ts';
import { DAY_MS, HOUR_MS, SECOND_MS, type UnixMs } from '../../base/time.ts';
import { uncompressPoint } from '../../crypto/curve/curve-point.ts';
import { Secret } from '../../crypto/secret.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { systemRandom } from '../../host/machine/system-random.ts';
import type { DelegateKey } from '../../identity/delegate/delegate-key.ts';
import { parseMeshName } from '../../identity/mesh-name.ts';
import { encodeWalletStatement } from '../../message/delegate-statement.ts';
import { parseMessageType } from '../../message/family.ts';
import { signWalletDelegate } from '../../message/river/wallet-delegate.ts';
import { walletOf } from '../../message/river/wallet.ts';
import { type DelegateSigner, generateDelegateKey, delegateSignerOf } from '../delegate/signer.ts';
import { signAsDelegate } from '../delegate/sign.ts';
import type { Fleet, FleetNode } from './fleet.ts';

/** Somebody who speaks with a key that is no node's, and is handed in at one. */
export interface Speaker {
  readonly kind: 'delegate' | 'wallet';
  readonly type: string;
  readonly signer: DelegateSigner;
  readonly statement: Bytes;
}

/** A device beside the node makes its key, and the authority's key tree vouches for it. */
export async function deviceOf(fleet: Fleet, node: FleetNode): Promise<Speaker> {
  const signer = delegateSignerOf(generateDelegateKey('P-256'));
  const body = { node_id: node.nodeId, ...keyJson(signer.key), scope: ['publish:sensor/temperature'] };
  const issued = await fleet.withAuthority((desk) =>
    desk.call(delegateSchema, { method: 'POST', path: '/v1/delegates', body }),
  );
  return { kind: 'delegate', type: 'sensor/temperature', signer, statement: fromBase64(issued.statement) };
}

/** A wallet lets a person's device speak, and the authority lets the wallet command. */
export async function operatorOf(fleet: Fleet): Promise<Speaker> {
  const signer = delegateSignerOf(generateDelegateKey('secp256k1'));
  using key = new Secret(systemRandom.bytes(32));
  const wallet = walletOf(key);
  const notAfter = (systemClock.wall() + DAY_MS) as UnixMs;
  const point = uncompressPoint('secp256k1', signer.key.bytes);
  const { signature } = signWalletDelegate(wallet, point, BigInt(notAfter));
  const body = { address: `0x${toHex(wallet.address)}`, scope: ['command:issue'], ttl_sec: DAY_MS / SECOND_MS };
  await fleet.withAuthority((desk) => desk.call(listedResponseSchema, { method: 'POST', path: '/v1/wallets', body }));
  const statement = encodeWalletStatement({
    address: wallet.address,
    deviceKey: signer.key.bytes,
    notAfter,
    signature,
  });
  return { kind: 'wallet', type: 'command/blink', signer, statement };
}

/** Hands a message in. @returns its id; `undefined` while the node has not heard that the speaker may speak. */
export async function speak(fleet: Fleet, at: FleetNode, speaker: Speaker): Promise<string | undefined> {
  const { signer, statement, type } = speaker;
  const what = { type: parseMessageType(type), payload: utf8(`chainmail up: ${speaker.kind}`), ttlMs: HOUR_MS };
  const now = { wall: systemClock.wall(), random: systemRandom };
  const message = signAsDelegate(parseMeshName(fleet.mesh), signer, statement, what, now);
  const body = { message: toBase64(message) };
  try {
    const call = { method: 'POST', path: '/v1/messages/signed', body } as const;
    return (await at.desk.call(messageIdResponseSchema, call)).message_id;
  } catch (error) {
    if (isMeshError(error) && error.code === 'ERR_DELEGATE_BRANCH') return undefined;
    throw error;
  }
}

function keyJson({ curve, bytes }: DelegateKey): { readonly curve: string; readonly public_key: string } {
  return { curve, public_key: toHex(bytes) };
}
