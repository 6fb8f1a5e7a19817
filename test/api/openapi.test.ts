import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { it } from 'node:test';
import { authorityOpenapi } from '../../src/api/authority-openapi.ts';
import { pythonWith } from '../support/foreign/programs.ts';

const python = pythonWith('openapi_spec_validator');
const VALIDATE = 'import json, sys; from openapi_spec_validator import validate; validate(json.load(sys.stdin))';

const validate = (document: object): { status: number | null; stderr: string } =>
  spawnSync(python.path ?? '', ['-c', VALIDATE], { input: JSON.stringify(document), encoding: 'utf8' });

it('openapi-spec-validator takes the authority’s document, and not a broken one', { skip: python.skip }, () => {
  const document = authorityOpenapi('1.2.3');
  const { status, stderr } = validate(document);
  assert.equal(status, 0, stderr);
  assert.notEqual(validate({ ...document, paths: { '/x': { get: { responses: { 200: {} } } } } }).status, 0);
});
