import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { parseJson } from '../../src/codec/json.ts';

describe('strict JSON', () => {
  for (const text of [
    '{"a":1,"a":1}',
    '{"a":1,"b":{},"a" : 2}',
    '{"a":1,"\\u0061":2}',
    '[{"x":[{"a":1,"a":2}]}]',
    '{"":1,"":2}',
    '{"a\\"":1,"a\\u0022":2}',
    '{"a":{"b":1},"c":[1,{"d":2}],"a":3}',
    '{"__proto__":{}}',
    '{"_\\u005fproto__":{}}',
    '',
    '{',
    '{"a":1}{}',
    "{'a':1}",
    '{"a":1,}',
  ])
    it(`refuses ${text === '' ? 'nothing' : text}`, () => assert.throws(() => parseJson(text), { code: 'ERR_INPUT' }));

  for (const text of [
    '{"a":{"a":{"a":1}},"b":{"a":[{"a":1},{"a":2}]}}',
    '{"a":"\\"b\\":1,\\"b\\":2","b":"{\\"a\\":"}',
    '["a","a",{"a":"a"}]',
    '{"\\\\":1,"\\\\\\\\":2}',
    '"a"',
    'null',
  ])
    it(`reads ${text}`, () => assert.deepEqual(parseJson(text), JSON.parse(text)));

  for (const text of [
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '["a","\\ud83dx"]',
    '{"\\udfff":1}',
    '{"a":{"b":"\\\\\\ud800"}}',
  ])
    it(`refuses half a surrogate pair in ${text}`, () => assert.throws(() => parseJson(text), { code: 'ERR_INPUT' }));

  for (const text of ['"\\ud83d\\ude00"', '"\\\\ud800"', '"😀"', '"\\u00e9"'])
    it(`reads whole characters in ${text}`, () => assert.equal(parseJson(text), JSON.parse(text)));

  for (const count of [15, 16, 17, 18, 100])
    it(`finds the member that comes twice among ${count}`, () => {
      const names = Array.from({ length: count }, (_, i) => `"n${i}":${i}`);
      assert.equal(Object.keys(parseJson(`{${names.join()}}`) as object).length, count);
      for (const twice of [0, count - 1])
        assert.throws(() => parseJson(`{${names.join()},"n${twice}":1}`), /has the member "n\d+" twice/);
    });

  it('reads whatever has no member twice', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        if (!text.includes('__proto__')) assert.deepEqual(parseJson(text), JSON.parse(text));
      }),
    );
  });

  it('takes a body’s worth of brackets and quotes in one pass', () => {
    const deep = `${'['.repeat(32_000)}${']'.repeat(32_000)}`;
    assert.ok(Array.isArray(parseJson(deep)));
    assert.equal(parseJson(`"${'\\"'.repeat(32_000)}"`), '"'.repeat(32_000));
  });
});
