import { fromHex } from '../../../../src/base/bytes.ts';
import { TAG } from '../../../../src/codec/der-tag.ts';
import {
  boolean,
  element,
  NULL,
  octetString,
  oid,
  sequence,
  unsignedInteger,
} from '../../../../src/codec/der-writer.ts';
import { OID } from '../../../../src/codec/oid.ts';
import { commonName, type Recipe } from '../../../support/make-certificate.ts';
import {
  anchored,
  basic,
  ca,
  type Cases,
  chain,
  critical,
  ext,
  forge,
  leaf,
  leafOf,
  under,
  without,
} from './builder.ts';

const yes = boolean(true);
const no = boolean(false);
const bits = (hex: string) => element(TAG.bitString, fromHex(hex));
const usage = (hex: string, isCritical = true) => ext(OID.keyUsage, bits(hex), isCritical);
const DIGITAL_SIGNATURE = '0780';
const CERT_SIGN = '0204';
const CRL_SIGN = '0102';

export const BASIC_CONSTRAINTS: Cases = [
  ['absent in the intermediate', false, under(without(OID.basicConstraints))],
  ['empty in the intermediate', false, under(basic())],
  ['no CA written out', false, under(basic(no))],
  ['no CA written out in the leaf', false, leaf(basic(no))],
  ['empty in the leaf', true, leaf(basic())],
  ['not critical in the intermediate', true, under(ext(OID.basicConstraints, sequence(yes)))],
  ['not critical in the root', false, anchored(ext(OID.basicConstraints, sequence(yes)))],
  ['not critical in the leaf', true, leaf(ext(OID.basicConstraints, sequence()))],
  ['a path length and no CA in the leaf', false, leaf(basic(unsignedInteger(0)))],
  ['a path length and no CA in the intermediate', false, under(basic(unsignedInteger(0)))],
  ['a negative path length', false, under(basic(yes, element(TAG.integer, fromHex('ff'))))],
  ['a padded path length', false, under(basic(yes, element(TAG.integer, fromHex('0001'))))],
  ['a path length beyond 64 bits', true, under(basic(yes, element(TAG.integer, fromHex('01'.repeat(12)))))],
  ['BER true', false, under(basic(fromHex('010101')))],
  ['something behind', false, under(basic(yes, unsignedInteger(0), NULL))],
  ['no sequence', false, under(critical(OID.basicConstraints, yes))],
  ['trailing bytes', false, under(critical(OID.basicConstraints, fromHex('30030101ff00')))],
  ['absent in the root', false, anchored(without(OID.basicConstraints))],
  ['the leaf a CA', true, leaf({ isCa: true })],
  ['the leaf a CA, not critical', true, leaf({ isCa: true, ...ext(OID.basicConstraints, sequence(yes)) })],
];

const len = (pathLenMax: number) => ({ pathLenMax });
const self = (name: string, more: Recipe = {}): Recipe => ({ subject: commonName(name), ...more });

export const PATH_LENGTHS: Cases = [
  ['0 above the leaf', true, chain([len(0)])],
  ['0 above a CA', false, chain([len(0), {}])],
  ['0 above a CA as the leaf', true, chain([len(0)], { isCa: true })],
  ['0 above a CA as the leaf, with its own', true, chain([len(0)], { isCa: true, pathLenMax: 3 })],
  ['1 above one', true, chain([len(1), {}])],
  ['1 above two', false, chain([len(1), {}, {}])],
  ['rises', true, chain([len(1), len(5)])],
  ['rises, and too many', false, chain([len(1), len(5), {}])],
  ['falls', true, chain([len(5), len(0)])],
  ['falls, and too many', false, chain([len(5), len(0), {}])],
  ['self-issued below 0', true, chain([self('twice', len(0)), self('twice')])],
  ['two self-issued below 0', true, chain([self('twice', len(0)), self('twice'), self('twice')])],
  ['self-issued and another below 0', false, chain([self('twice', len(0)), self('twice'), {}])],
  ['self-issued with a shorter one', false, chain([self('twice', len(1)), self('twice', len(0)), {}])],
  ['a self-issued leaf below 0', true, chain([self('twice', len(0))], { subject: commonName('twice') })],
  ['0 in the root above the leaf', true, anchored(len(0))],
  ['0 in the root above a CA', false, () => rootAbove(0)],
  ['1 in the root above a CA', true, () => rootAbove(1)],
  ['without keyCertSign', false, under({ pathLenMax: 0, ...usage(CRL_SIGN) })],
  ['depth 0', true, leaf({}, { depthMax: 0 })],
  ['depth 0, one between', false, under({}, {}, { depthMax: 0 })],
  ['depth 1, one between', true, under({}, {}, { depthMax: 1 })],
  ['depth 1, two between', false, chain([{}, {}], {}, { depthMax: 1 })],
  ['twelve between', true, chain(new Array(12).fill({}))],
];

function rootAbove(pathLenMax: number) {
  const anchor = forge({ subject: commonName('short root'), pathLenMax });
  const between = ca({ issuer: anchor });
  return { leaf: leafOf(between).der, untrusted: [between.der], anchors: [anchor.der] };
}

export const KEY_USAGES: Cases = [
  ['absent in the leaf', true, leaf(without(OID.keyUsage))],
  ['absent in the intermediate', true, under(without(OID.keyUsage))],
  ['absent in the root', true, anchored(without(OID.keyUsage))],
  ['absent in the intermediate, with a path length', true, under({ pathLenMax: 0, ...without(OID.keyUsage) })],
  ['without keyCertSign in the intermediate', false, under(usage(CRL_SIGN))],
  ['digital signature alone in the intermediate', false, under(usage(DIGITAL_SIGNATURE))],
  ['without keyCertSign in the root', false, anchored(usage(CRL_SIGN))],
  ['keyCertSign alone', true, under(usage(CERT_SIGN))],
  ['keyCertSign in the leaf', false, leaf(usage(CERT_SIGN))],
  ['not critical in the intermediate', true, under(usage('0106', false))],
  ['not critical in the leaf', true, leaf(usage(DIGITAL_SIGNATURE, false))],
  ['empty', false, leaf(usage('00'))],
  ['no bit set', false, leaf(usage('0700'))],
  ['a trailing zero bit', false, leaf(usage('0080'))],
  ['unused bits set', false, leaf(usage('07ff'))],
  ['decipherOnly', true, leaf(usage('070080'))],
  ['an octet string', false, leaf(critical(OID.keyUsage, octetString(fromHex('80'))))],
  ['trailing bytes', false, leaf(critical(OID.keyUsage, fromHex('0302078000')))],
];

const usages = (...oids: readonly string[]) => sequence(...oids.map(oid));
const { anyExtendedKeyUsage: ANY, clientAuth, extendedKeyUsage, serverAuth } = OID;
const server = { eku: ['serverAuth'] };
const eku = (...oids: readonly string[]) => ext(extendedKeyUsage, usages(...oids));

export const EXTENDED_KEY_USAGES: Cases = [
  ['absent', true, leaf({}, server)],
  ['the right one', true, leaf(eku(serverAuth), server)],
  ['the right one, critical', true, leaf(critical(extendedKeyUsage, usages(serverAuth)), server)],
  ['the wrong one', false, leaf(eku(clientAuth), server)],
  ['two asked for, both there', true, leaf(eku(clientAuth, serverAuth), { eku: ['serverAuth', 'clientAuth'] })],
  ['any', true, leaf(eku(ANY), server)],
  ['any and another, critical', true, leaf(critical(extendedKeyUsage, usages(clientAuth, ANY)), server)],
  ['an unknown one', false, leaf(eku('1.2.3.4'), server)],
  ['none asked for', true, leaf(eku('1.2.3.4'))],
  ['any asked for', true, leaf(eku(serverAuth), { eku: ['anyExtendedKeyUsage'] })],
  ['an empty list', false, leaf(eku())],
  ['the right one in the intermediate', true, under(eku(serverAuth), eku(serverAuth), server)],
  ['the wrong one in the intermediate', false, under(eku(clientAuth), eku(serverAuth), server)],
  ['any in the intermediate', true, under(eku(ANY), eku(serverAuth), server)],
  ['something else than an OID', false, leaf(ext(extendedKeyUsage, sequence(NULL)))],
];
