import { type Bytes, toHex } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { WALLET_ADDRESS_BYTES } from '../../crypto/secp256k1/wallet-address.ts';
import { PAYLOAD } from './envelope.ts';

export const STREAM_ID_BYTES = 32;

interface StreamKind {
  /** The payload of its events, the first one included; besides, every stream takes {@link PAYLOAD.member}. */
  readonly payload: number;
  /** Octets that say something; the rest are zero. */
  readonly contentBytes: number;
  /** Whether the address of a user follows the first octet: then the stream is that user's. */
  readonly isUsers: boolean;
  /** Field of the snapshot that holds what is told of such a stream. */
  readonly snapshot: number;
}

/** The kinds of streams, by the first octet of their ids. */
const STREAM_KINDS: Readonly<Record<number, StreamKind>> = {
  0x10: { payload: PAYLOAD.space, contentBytes: 21, isUsers: false, snapshot: 101 },
  0x20: { payload: PAYLOAD.channel, contentBytes: 32, isUsers: false, snapshot: 102 },
  0x77: { payload: PAYLOAD.gdmChannel, contentBytes: 32, isUsers: false, snapshot: 108 },
  0x88: { payload: PAYLOAD.dmChannel, contentBytes: 32, isUsers: false, snapshot: 107 },
  0xa1: { payload: PAYLOAD.userInbox, contentBytes: 21, isUsers: true, snapshot: 109 },
  0xa5: { payload: PAYLOAD.userSettings, contentBytes: 21, isUsers: true, snapshot: 104 },
  0xa8: { payload: PAYLOAD.user, contentBytes: 21, isUsers: true, snapshot: 103 },
  0xad: { payload: PAYLOAD.userMetadata, contentBytes: 21, isUsers: true, snapshot: 105 },
  0xdd: { payload: PAYLOAD.metadata, contentBytes: 9, isUsers: false, snapshot: 110 },
  0xff: { payload: PAYLOAD.media, contentBytes: 32, isUsers: false, snapshot: 106 },
};

/** The id of a stream: `kind(1) ‖ content ‖ zeros`, 32 bytes. */
export interface StreamId {
  readonly bytes: Bytes;
  readonly text: string;
  readonly kind: StreamKind;
  /** Address of the user whose stream it is, where it is one's. */
  readonly owner: Bytes | undefined;
}

/** @throws ERR_STREAM_ID for another length, an unknown kind, or an octet that is not zero behind the content. */
export function parseStreamId(bytes: Bytes): StreamId {
  const kind = STREAM_KINDS[bytes[0] ?? 0];
  if (bytes.length !== STREAM_ID_BYTES)
    throw new MeshError('ERR_STREAM_ID', `stream id has ${bytes.length} bytes, expected ${STREAM_ID_BYTES}`);
  if (kind === undefined || bytes.subarray(kind.contentBytes).some((byte) => byte !== 0))
    throw new MeshError('ERR_STREAM_ID', `stream id ${toHex(bytes)} is of no known kind`);
  const owner = kind.isUsers ? bytes.subarray(1, 1 + WALLET_ADDRESS_BYTES) : undefined;
  return { bytes, text: toHex(bytes), kind, owner };
}
