import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromHex } from '../../../src/base/bytes.ts';
import { after } from '../../../src/base/time.ts';
import { contextPrimitive, oid, sequence, time } from '../../../src/codec/der-writer.ts';
import { OID } from '../../../src/codec/oid.ts';
import { checkX509Signature } from '../../../src/crypto/signatures/x509-signature.ts';
import { PATH_SEARCH_STEPS_MAX, PATHS_JUDGED_MAX, SIGNATURE_CHECKS_MAX } from '../../../src/pki/path/path.ts';
import { PATH_ELEMENTS_MAX } from '../../../src/pki/path/path-work.ts';
import {
  commonName,
  dns,
  extensionOf,
  judge,
  make,
  NOW,
  nameConstraints,
  outcome,
  type Party,
  testKey,
} from '../../support/make-certificate.ts';
import { leafOf, root } from './path-table.ts';

describe('path building', () => {
  it('goes around an expired cross-certificate', () => {
    const otherRoot = make({ subject: commonName('other root') });
    const expired = time(after(NOW, -1_000));
    const cross = make({
      issuer: otherRoot,
      isCa: true,
      subject: commonName('root'),
      key: root.signer,
      notAfter: expired,
    });
    assert.equal(outcome(judge(leafOf(root), [cross], [otherRoot, root])), 'ok');
    assert.equal(outcome(judge(leafOf(root), [cross], [otherRoot])), 'ERR_PATH_EXPIRED');
  });

  it('takes the path that keeps the rules, of several', () => {
    const subject = commonName('ca');
    const key = testKey();
    const elsewhere = [nameConstraints([dns('example.net')])];
    const narrow = make({ issuer: root, isCa: true, subject, key, moreExtensions: elsewhere });
    const wide = make({ issuer: root, isCa: true, subject, key });
    const leaf = leafOf(wide);
    for (const pool of [
      [narrow, wide],
      [wide, narrow],
    ])
      assert.equal(outcome(judge(leaf, pool, [root])), 'ok');
    assert.equal(outcome(judge(leaf, [narrow], [root])), 'ERR_PATH_CONSTRAINT');
  });

  it('goes around a revoked intermediate', () => {
    const subject = commonName('ca');
    const key = testKey();
    const old = make({ issuer: root, isCa: true, subject, key });
    const renewed = make({ issuer: root, isCa: true, subject, key });
    const leaf = leafOf(old);
    const checkRevocation = (certificate: Party['certificate'], _issuer: unknown, depth: number) =>
      certificate === old.certificate
        ? { tag: 'refused' as const, code: 'ERR_PATH_REVOKED' as const, message: '', depth }
        : undefined;
    assert.equal(outcome(judge(leaf, [old, renewed], [root], { checkRevocation })), 'ok');
    assert.equal(outcome(judge(leaf, [old], [root], { checkRevocation })), 'ERR_PATH_REVOKED');
  });

  it('ends in a cycle of CAs that sign each other', () => {
    const [nameA, nameB] = [commonName('a'), commonName('b')];
    const [keyA, keyB] = [testKey(), testKey()];
    const b = make({ issuer: make({ subject: nameA, key: keyA }), isCa: true, subject: nameB, key: keyB });
    const a = make({ issuer: b, isCa: true, subject: nameA, key: keyA });
    for (const intermediatesMax of [8, 255])
      assert.equal(outcome(judge(leafOf(a), [a, b], [root], { intermediatesMax })), 'ERR_PATH_NO_ANCHOR');
  });

  it(`checks at most ${SIGNATURE_CHECKS_MAX} signatures, whatever is sent along`, () => {
    const subject = commonName('ca');
    const real = make({ issuer: root, isCa: true, subject });
    const decoys = Array.from({ length: SIGNATURE_CHECKS_MAX }, () => make({ issuer: root, isCa: true, subject }));
    const noHint = sequence(contextPrimitive(0, fromHex('00')));
    const lost = leafOf(real, {
      extensions: { [OID.authorityKeyIdentifier]: extensionOf(OID.authorityKeyIdentifier, noHint) },
    });
    let checks = 0;
    const checkSignature: typeof checkX509Signature = (...args) => {
      checks += 1;
      return checkX509Signature(...args);
    };
    assert.equal(outcome(judge(lost, [...decoys, real], [root], { checkSignature })), 'ERR_PATH_LIMIT');
    assert.equal(checks, SIGNATURE_CHECKS_MAX);
    // With the right key identifier the issuer is found at once.
    assert.equal(outcome(judge(leafOf(real), [...decoys, real], [root])), 'ok');
  });

  it('stays cheap where every CA certifies every other, and still finds the way out', () => {
    const cas = Array.from({ length: 10 }, (_, i) => ({ subject: commonName(`n${i}`), key: testKey() }));
    const pool = cas.flatMap((by, i) =>
      cas.filter((_, j) => j !== i).map((of) => make({ ...of, issuer: make(by), isCa: true })),
    );
    let checks = 0;
    const checkSignature: typeof checkX509Signature = (...args) => {
      checks += 1;
      return checkX509Signature(...args);
    };
    const result = judge(leafOf(make(cas[0])), pool, [root], { checkSignature });
    assert.ok(checks < SIGNATURE_CHECKS_MAX, `${checks} checks: it was the steps that were too many`);
    assert.ok(pool.length ** 2 > PATH_SEARCH_STEPS_MAX);
    assert.ok(result.tag === 'refused');
    assert.equal(result.code, 'ERR_PATH_LIMIT');
    assert.match(result.message, /too many possible issuers/);
    const wayOut = make({ ...cas[9], issuer: root, isCa: true, pathLenMax: 1 });
    assert.equal(outcome(judge(leafOf(make(cas[0])), [...pool, wayOut], [root])), 'ok');
  });

  it('judges a bounded number of paths that all end in the anchor and all break a rule', () => {
    // So many twins on each of two levels that there are more paths than that, none of which permits the name.
    const elsewhere = [nameConstraints([dns('example.net')])];
    const upper = { subject: commonName('upper'), key: testKey() };
    const lower = { subject: commonName('lower'), key: testKey() };
    const count = Math.ceil(Math.sqrt(PATHS_JUDGED_MAX)) + 1;
    const uppers = Array.from({ length: count }, () =>
      make({ ...upper, issuer: root, isCa: true, moreExtensions: elsewhere }),
    );
    const lowers = Array.from({ length: count }, () => make({ ...lower, issuer: uppers[0] as Party, isCa: true }));
    let judged = 0;
    const checkRevocation = (_certificate: unknown, issuer: Party['certificate']): undefined => {
      if (issuer === root.certificate) judged += 1;
      return undefined;
    };
    const pool = [...lowers, ...uppers];
    const result = outcome(judge(leafOf(lowers[0] as Party), pool, [root], { checkRevocation }));
    assert.equal(result, 'ERR_PATH_LIMIT');
    assert.equal(judged, PATHS_JUDGED_MAX);
  });

  it('looks at a bounded number of names, over all paths through a leaf of thousands of them', () => {
    const peers = 20;
    const names = Array.from({ length: 4_000 }, (_, i) => dns(`n${i}.example.com`));
    const twins = { subject: commonName('twin'), key: testKey() };
    const count = Math.ceil(PATH_ELEMENTS_MAX / (names.length * (1 + peers))) + 1;
    const pool = Array.from({ length: count }, () => make({ ...twins, issuer: root, isCa: true }));
    const peerNames = Array.from({ length: peers }, (_, i) => ({ kind: 'dns' as const, value: `other${i}.example` }));
    const leaf = leafOf(pool[0] as Party, { names });
    assert.ok(count < PATHS_JUDGED_MAX && count < SIGNATURE_CHECKS_MAX);
    assert.equal(outcome(judge(leaf, pool.slice(0, 3), [root], { peerNames })), 'ERR_PATH_NAME');
    assert.equal(outcome(judge(leaf, pool, [root], { peerNames })), 'ERR_PATH_LIMIT');
  });

  it('takes a leaf that is itself trusted, and judges it all the same', () => {
    const leaf = leafOf(root);
    assert.deepEqual(judge(leaf, [], [leaf]), { tag: 'ok', path: [leaf.certificate], policies: new Set() });
    assert.equal(outcome(judge(leaf, [], [leafOf(root)])), 'ERR_PATH_NO_ANCHOR');
    const old = leafOf(root, { notAfter: time(after(NOW, -1_000)) });
    assert.equal(outcome(judge(old, [], [old])), 'ERR_PATH_EXPIRED');
    const usage = extensionOf(OID.extendedKeyUsage, sequence(oid(OID.clientAuth)));
    const client = leafOf(root, { extensions: { [OID.extendedKeyUsage]: usage } });
    assert.equal(outcome(judge(client, [], [client], { extendedKeyUsages: [OID.serverAuth] })), 'ERR_PATH_USAGE');
  });
});
