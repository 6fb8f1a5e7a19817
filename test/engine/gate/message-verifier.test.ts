import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { DAY_MS, HOUR_MS, type UnixMs } from '../../../src/base/time.ts';
import { checkX509Signature } from '../../../src/crypto/signatures/x509-signature.ts';
import { MessageVerifier, PLACES_MAX, type VerifierAnswer } from '../../../src/engine/gate/message-verifier.ts';
import type { Message } from '../../../src/message/message.ts';
import type { Certificate } from '../../../src/pki/x509/certificate/certificate.ts';
import { type DelegateFixture, INDICATOR, MESH, MeshFixture, NOW_MS } from '../../support/mesh/mesh-fixture.ts';

/** What the verifier says, in a word. */
function wordOf(answer: VerifierAnswer): string {
  return answer.tag === 'refused' ? `${answer.isFault ? 'fault' : 'no'} ${answer.error.code}` : answer.tag;
}

describe('a verifier that is no node', () => {
  let fixture: MeshFixture;
  let stranger: MeshFixture;
  let list: Uint8Array;
  let device: DelegateFixture;
  before(async () => {
    fixture = await MeshFixture.create('verifier', 'ann', 'bob');
    stranger = await MeshFixture.create('stranger', 'ann');
    list = await fixture.publish();
    device = fixture.delegate('ann');
  });

  const chainOf = (mesh: MeshFixture, name: string): Uint8Array[] => mesh.member(name).chain.map(({ der }) => der);

  function verifier(
    wish: { lists?: readonly Uint8Array[]; staleLists?: 'accepted' | 'refused'; placesMax?: number } = {},
  ) {
    const { anchors } = fixture.authority.trust;
    const made = new MessageVerifier({
      trust: { mesh: MESH, anchors, checkSignature: checkX509Signature },
      staleLists: wish.staleLists ?? 'accepted',
      placesMax: wish.placesMax ?? PLACES_MAX,
    });
    made.addIssuer((fixture.member('ann').chain[1] as Certificate).der, NOW_MS);
    for (const der of wish.lists ?? [list]) made.addList(der);
    const say = ({ bytes }: Pick<Message, 'bytes'>, at: number = NOW_MS): string =>
      wordOf(made.verify(bytes, at as UnixMs));
    return { made, say };
  }

  it('asks for the chain of a signer, and takes what it signed, again and again', () => {
    const { made, say } = verifier();
    const message = fixture.message('ann');
    assert.equal(say(message), 'missing');
    made.addChain(chainOf(fixture, 'ann'), NOW_MS);
    assert.equal(say(message), 'ok');
    assert.equal(say(message), 'ok', 'to read twice is no replay');
    for (const one of fixture.batch('ann', [{ counter: 5 }, { counter: 6 }, { counter: 7 }]))
      assert.equal(say(one), 'ok');
  });

  it('takes what delegates signed, with the statement inline or after it has come', () => {
    const { made, say } = verifier();
    const byHash = fixture.delegated(device, { byHash: true, counter: 1 });
    assert.equal(say(byHash), 'missing');
    made.addStatement(device.statement, NOW_MS);
    assert.equal(say(byHash), 'ok');
    assert.equal(say(fixture.delegated(fixture.delegate('ann', { curve: 'secp256k1' }))), 'ok');
    assert.equal(
      say(fixture.delegated(device, { type: 'indicator', payload: INDICATOR, counter: 2 })),
      'fault ERR_MESSAGE_NOT_PERMITTED',
    );
  });

  it('refuses what the gate refuses, in the words of the gate', () => {
    const { made, say } = verifier();
    made.addChain(chainOf(fixture, 'ann'), NOW_MS);
    const altered = fixture.message('ann').bytes.slice();
    altered[altered.length - 70] = (altered[altered.length - 70] as number) ^ 1; // the end of the payload
    const cases: readonly (readonly [Pick<Message, 'bytes'>, string])[] = [
      [fixture.message('ann', { forged: true }), 'fault ERR_MESSAGE_SIGNATURE'],
      [fixture.batch('ann', [{ counter: 5 }, { counter: 6 }], true)[0] as Message, 'fault ERR_MESSAGE_SIGNATURE'],
      [{ bytes: altered }, 'fault ERR_MESSAGE_PAYLOAD'],
      [{ bytes: Uint8Array.of(0xd2, 0x84) }, 'fault ERR_MESSAGE_MALFORMED'],
      [fixture.message('ann', { origin: fixture.member('bob').nodeId }), 'fault ERR_MESSAGE_UNKNOWN_ORIGIN'],
      [fixture.message('ann', { type: 'command/stop' }), 'fault ERR_MESSAGE_NOT_PERMITTED'],
      [fixture.message('ann', { issuedAt: NOW_MS - 2 * HOUR_MS }), 'no ERR_MESSAGE_EXPIRED'],
      [fixture.message('ann', { issuedAt: NOW_MS + HOUR_MS }), 'no ERR_MESSAGE_FUTURE'],
      [fixture.message('ann', { expiresAt: NOW_MS + 8 * DAY_MS }), 'fault ERR_MESSAGE_LIFETIME'],
      [fixture.delegated(device, { forged: true }), 'fault ERR_MESSAGE_SIGNATURE'],
    ];
    for (const [message, word] of cases) assert.equal(say(message), word);
  });

  it('believes no chain, list or issuer of another mesh of the same name', async () => {
    const { made, say } = verifier();
    assert.throws(() => made.addChain(chainOf(stranger, 'ann'), NOW_MS), { code: 'ERR_PATH_NO_ANCHOR' });
    assert.equal(say(stranger.message('ann')), 'missing');
    const foreign = await stranger.publish();
    assert.throws(() => made.addList(foreign), { code: 'ERR_CRL' });
    const issuer = (stranger.member('ann').chain[1] as Certificate).der;
    assert.throws(() => made.addIssuer(issuer, NOW_MS), { code: /^ERR_PATH_/ });
    const leaf = (fixture.member('ann').chain[0] as Certificate).der;
    assert.throws(() => made.addIssuer(leaf, NOW_MS), { code: 'ERR_PATH_PROFILE' });
  });

  it('refuses two contents in one place of a stream, whichever came first', () => {
    const { made, say } = verifier();
    made.addChain(chainOf(fixture, 'ann'), NOW_MS);
    assert.equal(say(fixture.message('ann')), 'ok');
    const twin = fixture.message('ann', { expiresAt: NOW_MS + 2 * HOUR_MS });
    assert.equal(say(twin), 'no ERR_MESSAGE_CONFLICT');
  });

  it(`remembers ${PLACES_MAX} places, and takes what comes in one that it has forgotten`, () => {
    const placesMax = 4; // signing for all of them would take a minute
    assert.ok(placesMax < PLACES_MAX);
    const { made, say } = verifier({ placesMax });
    made.addChain(chainOf(fixture, 'ann'), NOW_MS);
    const twin = fixture.message('ann', { expiresAt: NOW_MS + 2 * HOUR_MS });
    for (let counter = 0; counter < placesMax; counter++) assert.equal(say(fixture.message('ann', { counter })), 'ok');
    assert.equal(say(twin), 'no ERR_MESSAGE_CONFLICT');
    assert.equal(say(fixture.message('ann', { counter: placesMax })), 'ok');
    assert.equal(say(twin), 'ok');
  });

  it('ends what a revoked node said, once the list has come, and never goes back', async () => {
    const world = await MeshFixture.create('revoked', 'ann', 'bob');
    const first = await world.publish();
    const made = new MessageVerifier({
      trust: { mesh: MESH, anchors: world.authority.trust.anchors, checkSignature: checkX509Signature },
      staleLists: 'accepted',
    });
    made.addChain(chainOf(world, 'ann'), NOW_MS);
    const message = world.message('ann');
    assert.equal(wordOf(made.verify(message.bytes, NOW_MS)), 'no ERR_CRL_STALE', 'nobody said whether it is revoked');
    const trustful = new MessageVerifier({
      trust: { mesh: MESH, anchors: world.authority.trust.anchors, checkSignature: checkX509Signature },
      staleLists: 'accepted',
      missingLists: 'accepted',
    });
    trustful.addChain(chainOf(world, 'ann'), NOW_MS);
    assert.equal(wordOf(trustful.verify(message.bytes, NOW_MS)), 'ok', 'its caller asks for no list');
    made.addList(first);
    assert.equal(wordOf(made.verify(message.bytes, NOW_MS)), 'ok');
    made.addList(await world.authority.revoke([world.member('ann').chain], NOW_MS));
    assert.equal(wordOf(made.verify(message.bytes, NOW_MS)), 'no ERR_MESSAGE_REVOKED_ORIGIN');
    assert.equal(made.addList(first).tag, 'current');
    assert.equal(wordOf(made.verify(message.bytes, NOW_MS)), 'no ERR_MESSAGE_REVOKED_ORIGIN');
  });

  it('says so where the newest list is overdue and that counts', () => {
    const late = NOW_MS + 60 * DAY_MS;
    const message = fixture.message('ann', { issuedAt: late, expiresAt: late + HOUR_MS });
    for (const [staleLists, word] of [
      ['refused', 'no ERR_CRL_STALE'],
      ['accepted', 'fault ERR_MESSAGE_UNKNOWN_ORIGIN'], // its certificate has ended long before
    ] as const) {
      const { made, say } = verifier({ staleLists });
      made.addChain(chainOf(fixture, 'ann'), NOW_MS);
      assert.equal(say(fixture.message('ann')), 'ok');
      assert.equal(say(message, late), word);
    }
  });
});
