import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { judgeLimboCase } from '../../../src/daemon/verify/suites/limbo.ts';
import { pythonWith } from '../../support/foreign/programs.ts';
import * as alternativeNames from './path-cases/alternative-names.ts';
import { AT, type Cases, type PathCase, pathCases } from './path-cases/builder.ts';
import * as building from './path-cases/building.ts';
import * as crls from './path-cases/crls.ts';
import * as deltaCrls from './path-cases/delta-crls.ts';
import * as directoryNames from './path-cases/directory-names.ts';
import * as extensions from './path-cases/extensions.ts';
import * as fields from './path-cases/fields.ts';
import * as indirectCrls from './path-cases/indirect-crls.ts';
import * as mazes from './path-cases/mazes.ts';
import * as nameFields from './path-cases/name-fields.ts';
import * as names from './path-cases/names.ts';
import * as oddChains from './path-cases/odd-chains.ts';
import * as oddLists from './path-cases/odd-lists.ts';
import * as oddNames from './path-cases/odd-names.ts';
import * as usages from './path-cases/usages.ts';

const groups: ReadonlyMap<string, readonly PathCase[]> = new Map(
  [
    fields,
    nameFields,
    usages,
    extensions,
    alternativeNames,
    names,
    directoryNames,
    building,
    mazes,
    crls,
    deltaCrls,
    indirectCrls,
    oddNames,
    oddChains,
    oddLists,
  ]
    .flatMap((tables) => Object.entries<Cases>(tables))
    .map(([group, cases]) => [group, pathCases(group, cases)]),
);

for (const [group, cases] of groups)
  describe(`RFC 5280: ${group.toLowerCase().replaceAll('_', ' ')}`, () => {
    for (const testCase of cases)
      it(testCase.id.split('::')[2] ?? '', () => {
        const { actual_result, context } = judgeLimboCase(testCase, AT);
        assert.equal(actual_result, testCase.expected_result, context);
      });
  });

/**
 * What other implementations say of the same cases. Both judge paths, and few of the rules of section 4 for issuers;
 * neither is asked for names or usages.
 */
const OTHERS = `
import asyncio, datetime, json, sys, warnings
from asn1crypto import pem, x509 as asn1
from cryptography import x509
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.authority import CertTrustAnchor
from pyhanko_certvalidator.registry import SimpleTrustManager
warnings.simplefilter('ignore')

def cryptography(case, at):
    load = lambda text: x509.load_pem_x509_certificate(text.encode())
    builder = PolicyBuilder().store(Store([load(text) for text in case['trusted_certs']])).time(at.replace(tzinfo=None))
    policies = dict(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all())
    verifier = builder.max_chain_depth(30).extension_policies(**policies).build_client_verifier()
    verifier.verify(load(case['peer_certificate']), [load(text) for text in case['untrusted_intermediates']])

def pyhanko(case, at):
    load = lambda text: asn1.Certificate.load(pem.unarmor(text.encode())[2], strict=True)
    anchors = [CertTrustAnchor(load(text), derive_default_quals_from_cert=True) for text in case['trusted_certs']]
    world = ValidationContext(trust_manager=SimpleTrustManager.build(anchors), moment=at, allow_fetching=False,
                              time_tolerance=datetime.timedelta(0), revocation_mode='soft-fail')
    pool = [load(text) for text in case['untrusted_intermediates']]
    validator = CertificateValidator(load(case['peer_certificate']), pool, validation_context=world)
    asyncio.run(validator.async_validate_usage(set(), extended_key_usage=set()))

def takes(judge, case):
    try:
        judge(case, datetime.datetime.fromisoformat(case['validation_time'].replace('Z', '+00:00')))
        return True
    except Exception:
        return False

print(json.dumps({case['id']: [takes(judge, case) for judge in (cryptography, pyhanko)] for case in json.load(sys.stdin)}))
`;

/**
 * Constraints that stand for every name of their form: RFC 5280 says so of DNS; neither of them takes an empty one. And
 * mailboxes that differ in their quotes alone, which they compare as texts.
 */
const TAKEN_HERE_ALONE: ReadonlySet<string> = new Set([
  'DNS empty, permitted',
  'email mailbox in quotes, permitted',
  'email mailbox, quoted in the constraint, permitted',
  'email mailbox with a backslash, permitted',
  'email mailbox with an at sign, permitted',
  'URI empty, permitted',
]);

/** Groups in which both judge what RFC 5280 wants judged; the others hold rules for issuers, or what they are not asked. */
const JUDGED_ALIKE: ReadonlySet<string> = new Set([
  'DATES',
  'DUPLICATES',
  'NAME_CONSTRAINTS',
  'DIRECTORY_CONSTRAINTS',
  'SUBJECT_MAIL',
  'BUILDING',
  'MAZES',
  'ODD_PATHS',
]);

/** What both take all the same: a constraint without a meaning, and one that section 4.2.1.10 wants critical. */
const REFUSED_HERE_ALONE: ReadonlySet<string> = new Set(['DNS address, excluded', 'not critical']);

describe('RFC 5280 and other implementations', () => {
  const python = pythonWith('asn1crypto', 'cryptography', 'pyhanko_certvalidator');

  it('cryptography or pyHanko take what we take, and we refuse no more than section 4 wants', {
    skip: python.skip,
  }, () => {
    // They do not end in a maze; of lists one of them knows nothing.
    const cases = [...groups.values()]
      .flat()
      .filter((one) => one.untrusted_intermediates.length < 20 && one.crls.length === 0);
    const input = JSON.stringify(cases);
    const said = JSON.parse(
      execFileSync(python.path ?? '', ['-c', OTHERS], { input, encoding: 'utf8', maxBuffer: 1 << 24 }),
    ) as Record<string, readonly [boolean, boolean]>;
    const alone = { taken: new Set<string>(), refused: new Set<string>() };
    for (const { id, expected_result } of cases) {
      const [, group = '', name = ''] = id.split('::');
      const [cryptography, pyhanko] = said[id] ?? assert.fail(id);
      if (expected_result === 'SUCCESS' && !cryptography && !pyhanko) alone.taken.add(name);
      if (expected_result === 'FAILURE' && cryptography && pyhanko && JUDGED_ALIKE.has(group)) alone.refused.add(name);
    }
    assert.deepEqual([...alone.taken], [...TAKEN_HERE_ALONE]);
    assert.deepEqual([...alone.refused], [...REFUSED_HERE_ALONE]);
  });
});
