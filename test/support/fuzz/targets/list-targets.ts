import assert from 'node:assert/strict';
import type { Certificate } from '../../../../src/pki/x509/certificate/certificate.ts';
import { parseCertificate } from '../../../../src/pki/x509/certificate/certificate.ts';
import { parseCrl } from '../../../../src/pki/x509/crl/crl.ts';
import { RevocationView } from '../../../../src/pki/mesh/revocation-view.ts';
import { revocationFromCrls } from '../../../../src/pki/path/crl-revocation.ts';
import { validatePath } from '../../../../src/pki/path/path.ts';
import { AT } from '../../../pki/path/path-cases/builder.ts';
import { CRL_SCOPES } from '../../../pki/path/path-cases/crls.ts';
import { DELTA_CRLS } from '../../../pki/path/path-cases/delta-crls.ts';
import { INDIRECT_CRLS, RELATIVE_POINTS } from '../../../pki/path/path-cases/indirect-crls.ts';
import { MeshFixture, NOW_MS } from '../../mesh/mesh-fixture.ts';
import { mutateBytes, randomBytes } from '../mutate/mutate-bytes.ts';
import { mutateDer } from '../mutate/mutate-der.ts';
import type { FuzzTarget } from '../target.ts';

const INPUTS = 3_000;
const MILLION = 1_000_000;
const DER = [mutateBytes, mutateDer, mutateDer, mutateDer, randomBytes];

const NO_CHECK = (): boolean => true;

const crl: FuzzTarget = {
  name: 'crl',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => {
    const fixture = await MeshFixture.create('fuzz', 'a');
    const { chain } = fixture.member('a');
    const ders = [await fixture.authority.revoke([], NOW_MS), await fixture.authority.revoke([chain], NOW_MS)];
    return {
      corpus: ders,
      mutators: DER,
      feed: (input) => {
        const parsed = parseCrl(input);
        assert.equal([...parsed.revocations()].length, parsed.size);
        const view = new RevocationView();
        view.install(parsed, chain[1] as Certificate, NO_CHECK);
      },
    };
  },
};

/** Lists of every kind, asked of the leaf of a path whose points name their issuers; every signature is taken for right. */
const crlOfAnyKind: FuzzTarget = {
  name: 'crl-of-any-kind',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: () => {
    const cases = [...CRL_SCOPES, ...DELTA_CRLS, ...INDIRECT_CRLS, ...RELATIVE_POINTS]
      .filter(([, isValid]) => isValid)
      .map(([, , parts]) => parts());
    const paths = cases.map(({ leaf, untrusted = [], anchors }) => ({
      leaf: parseCertificate(leaf),
      untrusted: untrusted.map((der) => parseCertificate(der)),
      anchors: anchors.map((der) => parseCertificate(der)),
    }));
    let turn = 0;
    return Promise.resolve({
      corpus: cases.flatMap(({ crls = [] }) => crls),
      mutators: DER,
      feed: (input) => {
        const crls = [parseCrl(input, 'any')];
        const path = paths[turn++ % paths.length] ?? assert.fail();
        const checkRevocation = revocationFromCrls(crls, AT, NO_CHECK, path.untrusted);
        validatePath({ ...path, at: AT, checkSignature: NO_CHECK, checkRevocation });
      },
    });
  },
};

export const LIST_TARGETS: readonly FuzzTarget[] = [crl, crlOfAnyKind];
