import { sequence } from '../../../../src/codec/der-writer.ts';
import { OID } from '../../../../src/codec/oid.ts';
import { dns, extensionOf } from '../../../support/make-certificate.ts';
import {
  ca,
  type Cases,
  expired,
  ext,
  forge,
  leaf,
  leafOf,
  named,
  narrow,
  noHint,
  parts,
  root,
  twin,
} from './builder.ts';

export const BUILDING: Cases = [
  [
    'unordered',
    true,
    () => {
      const a = ca();
      const b = ca({ issuer: a });
      const c = ca({ issuer: b });
      return parts(leafOf(c), [b, c, a]);
    },
  ],
  [
    'duplicated',
    true,
    () => {
      const a = ca();
      return parts(leafOf(a), [a, a, a, root, root]);
    },
  ],
  [
    'the leaf sent along',
    true,
    () => {
      const a = ca();
      const end = leafOf(a);
      return parts(end, [end, a]);
    },
  ],
  [
    'others that nobody needs',
    true,
    () => {
      const a = ca();
      return parts(leafOf(a), [ca(), ca(expired), forge(named('stranger')), a, leafOf(a)]);
    },
  ],
  [
    'intermediate missing',
    false,
    () => {
      const a = ca();
      return parts(leafOf(ca({ issuer: a })), [a]);
    },
  ],
  ['no anchor', false, () => parts(leafOf(root), [root], [])],
  ['the root sent along and not trusted', false, () => parts(leafOf(root), [root], [forge(named('stranger'))])],
  ['several anchors', true, () => parts(leafOf(root), [], [forge(named('stranger')), root, forge(named('other'))])],
  ['an anchor of the same name and another key', false, () => parts(leafOf(root), [], [forge(named('root'))])],
  ['anchors of the same name', true, () => parts(leafOf(root), [], [forge(named('root')), root])],
  ['anchors of the same name, no hint', true, () => parts(leafOf(root, noHint), [], [forge(named('root')), root])],
  [
    'an intermediate as the anchor',
    true,
    () => {
      const a = ca();
      return parts(leafOf(a), [], [a]);
    },
  ],
  [
    'an intermediate as the anchor, and its root',
    true,
    () => {
      const a = ca();
      return parts(leafOf(a), [], [a, root]);
    },
  ],
  [
    'the leaf issued by a leaf',
    false,
    () => {
      const a = leafOf(root);
      return parts(leafOf(a), [a]);
    },
  ],
  [
    'a leaf that signed itself',
    false,
    () => parts(forge({ ...named('me'), names: [dns('example.com')], isCa: false }), []),
  ],
  [
    'issuers of one name: expired and valid',
    true,
    () => {
      const a = ca(named('ca'));
      return parts(leafOf(a), [twin(a, expired), a]);
    },
  ],
  [
    'issuers of one name: valid and expired',
    true,
    () => {
      const a = ca(named('ca'));
      return parts(leafOf(a), [a, twin(a, expired)]);
    },
  ],
  [
    'issuers of one name: wrong key and right',
    true,
    () => {
      const a = ca(named('ca'));
      return parts(leafOf(a, noHint), [ca(named('ca')), a, ca(named('ca'))]);
    },
  ],
  [
    'issuers of one name: no CA and CA',
    true,
    () => {
      const a = ca(named('ca'));
      return parts(leafOf(a), [twin(a, { isCa: false }), a]);
    },
  ],
  [
    'issuers of one name: names not permitted, and free',
    true,
    () => {
      const a = ca(named('ca'));
      return parts(leafOf(a), [twin(a, narrow), a]);
    },
  ],
  [
    'issuers of one name: too short, and long enough',
    true,
    () => {
      const a = ca(named('ca'));
      const b = ca({ issuer: a });
      return parts(leafOf(b), [twin(a, { pathLenMax: 0 }), a, b]);
    },
  ],
  [
    'issuers of one name: all expired',
    false,
    () => {
      const a = ca(named('ca', expired));
      return parts(leafOf(a), [a, twin(a, expired)]);
    },
  ],
  [
    'a hint to the one that is expired',
    true,
    () => {
      const a = ca(named('ca'));
      const old = ca(named('ca', expired));
      return parts(leafOf(a, noHint), [old, a]);
    },
  ],
  [
    'around an expired cross certificate',
    true,
    () => {
      const other = forge(named('other'));
      return parts(leafOf(root), [twin(root, { issuer: other, ...expired })], [other, root]);
    },
  ],
  [
    'an expired cross certificate alone',
    false,
    () => {
      const other = forge(named('other'));
      return parts(leafOf(root), [twin(root, { issuer: other, ...expired })], [other]);
    },
  ],
  [
    'over a cross certificate',
    true,
    () => {
      const other = forge(named('other'));
      return parts(leafOf(root), [twin(root, { issuer: other })], [other]);
    },
  ],
  [
    'over a cross certificate, the old root expired',
    true,
    () => {
      const old = forge(named('old', expired));
      const other = forge(named('other'));
      return parts(leafOf(old), [twin(old, { issuer: other })], [old, other]);
    },
  ],
  ['the root as the leaf', true, () => parts(root, [])],
  ['the root as the leaf, another trusted', false, () => parts(root, [], [forge(named('stranger'))])],
  ['an intermediate as the leaf', true, () => parts(ca(), [])],
  [
    'the leaf trusted, its root not',
    true,
    () => {
      const end = leafOf(root);
      return parts(end, [], [end]);
    },
  ],
  [
    'the leaf trusted, and its root',
    true,
    () => {
      const end = leafOf(root);
      return parts(end, [], [end, root]);
    },
  ],
  [
    'a self-signed leaf that is trusted',
    true,
    () => {
      const end = forge({ ...named('me'), isCa: false, names: [dns('example.com')] });
      return parts(end, [], [end]);
    },
  ],
  [
    'a self-issued CA with a new key',
    true,
    () => {
      const a = ca(named('rolled'));
      const next = ca(named('rolled', { issuer: a }));
      return parts(leafOf(next), [a, next]);
    },
  ],
  [
    'a new root certified by the old one',
    true,
    () => {
      const next = forge(named('root'));
      return parts(leafOf(next), [ca({ subject: root.subject, key: next.signer })]);
    },
  ],
  [
    'a leaf of the name of its issuer',
    true,
    () => {
      const a = ca(named('same'));
      return parts(leafOf(a, { subject: a.subject }), [a]);
    },
  ],
  [
    'two paths, one with the wrong usage',
    true,
    () => {
      const a = ca(named('ca'));
      const other = twin(
        a,
        ext(OID.extendedKeyUsage, sequence(extensionOf('1.2.3', new Uint8Array(0)).subarray(2, 6))),
      );
      return parts(leafOf(a), [other, a], [root], { eku: ['serverAuth'] });
    },
  ],
  ['plain', true, leaf({})],
];
