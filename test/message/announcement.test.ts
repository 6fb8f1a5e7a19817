import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { utf8 } from '../../src/base/bytes.ts';
import { parseMeshName } from '../../src/identity/mesh-name.ts';
import { parseNodeId } from '../../src/identity/node-id.ts';
import {
  ANNOUNCEMENT_BYTES,
  announcementTag,
  encodeAnnouncement,
  parseAnnouncement,
} from '../../src/message/announcement.ts';

const tag = announcementTag(parseMeshName('depot'), parseNodeId('gate-7'));

describe('announcement', () => {
  it('comes back as it was, in 15 bytes', () => {
    const bytes = encodeAnnouncement({ tag, port: 8_441 });
    assert.equal(bytes.length, ANNOUNCEMENT_BYTES);
    assert.equal(bytes.toHex(), `434d7368${'01'}${tag.toHex()}20f9`);
    assert.deepEqual(parseAnnouncement(bytes), { tag, port: 8_441 });
  });

  it('T23: tells neither mesh nor name, and another node has another tag', () => {
    const text = new TextDecoder('latin1').decode(encodeAnnouncement({ tag, port: 1 }));
    assert.ok(!text.includes('depot') && !text.includes('gate-7'));
    assert.notDeepEqual(announcementTag(parseMeshName('depot'), parseNodeId('gate-8')), tag);
    assert.notDeepEqual(announcementTag(parseMeshName('depot2'), parseNodeId('gate-7')), tag);
  });

  const good = encodeAnnouncement({ tag, port: 80 });
  for (const [name, bytes] of [
    ['nothing', new Uint8Array(0)],
    ['a byte less', good.subarray(0, -1)],
    ['a byte more', Uint8Array.of(...good, 0)],
    ['another magic', Uint8Array.of(0x44, ...good.subarray(1))],
    ['a later version', good.with(4, 2)],
    ['port 0', encodeAnnouncement({ tag, port: 0 })],
    ['text', utf8('M-SEARCH * HTTP/1.1')],
  ] as const)
    it(`refuses ${name}`, () => assert.throws(() => parseAnnouncement(bytes), { code: 'ERR_INPUT' }));
});
