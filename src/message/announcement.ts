import { type Bytes, compareBytes, concatBytes, utf8 } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { sha256 } from '../crypto/hash.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import type { NodeId } from '../identity/node-id.ts';

/**
 * What a node says to the local network: that somebody listens on this port. Neither name, nor mesh, nor address is in
 * it (T23); whoever knows a node's id can recognise it, and nobody else learns more than that there is one.
 */
export interface Announcement {
  /** As {@link announcementTag} makes it. */
  readonly tag: Bytes;
  readonly port: number;
}

const MAGIC = utf8('CMsh');
const VERSION = 1;
const TAG_BYTES = 8;
const TAG_AT = MAGIC.length + 1;
const PORT_AT = TAG_AT + TAG_BYTES;
export const ANNOUNCEMENT_BYTES = PORT_AT + 2;

/** The first eight bytes of the SHA-256 of mesh and node id, each with a zero behind. */
export function announcementTag(mesh: MeshName, nodeId: NodeId): Bytes {
  return sha256(utf8(`chainmail announcement\0${mesh}\0${nodeId}\0`)).slice(0, TAG_BYTES);
}

/** `"CMsh" ‖ version(1) ‖ tag(8) ‖ port(2, BE)`. */
export function encodeAnnouncement({ tag, port }: Announcement): Bytes {
  return concatBytes(MAGIC, Uint8Array.of(VERSION), tag, Uint8Array.of(port >> 8, port & 0xff));
}

/** @throws ERR_INPUT for anything but the one form. */
export function parseAnnouncement(bytes: Bytes): Announcement {
  const isOurs =
    bytes.length === ANNOUNCEMENT_BYTES &&
    compareBytes(bytes.subarray(0, MAGIC.length), MAGIC) === 0 &&
    bytes[MAGIC.length] === VERSION;
  const port = ((bytes[PORT_AT] ?? 0) << 8) | (bytes[PORT_AT + 1] ?? 0);
  if (!isOurs || port === 0) throw new MeshError('ERR_INPUT', 'not an announcement');
  return { tag: bytes.slice(TAG_AT, PORT_AT), port };
}
