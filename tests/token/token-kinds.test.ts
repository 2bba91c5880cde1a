import { expect, test } from '@jest/globals';
import { kindOf } from '../../src/token/token-kinds.js';
import { publicTokens } from '../support/fixtures.js';

/** The example in Elasticsearch's documentation of POST /_security/api_key. */
const API_KEY = {
  id: 'VuaCfGcBCdbkQm-e5aOx',
  key: 'ui2lp2axTNmsyakw9tvNnw',
  encoded: 'VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw==',
};

const base64 = (bytes: string | number[]) => Buffer.from(bytes as string).toString('base64');
const enrollment = {
  ver: '8.14.0',
  adr: ['172.18.0.2:9200'],
  fgr: 'a4c5',
  key: `${API_KEY.id}:${API_KEY.key}`,
};
const UUID = [...'46ToAwIHQxGVpBuUpCkGXA'].map((character) => character.charCodeAt(0));

/** A number in groups of seven bits, lowest first. */
const groups = (number: number) => [0, 7, 14, 21].map((at) => ((number >> at) & 0x7f) | (at < 21 ? 0x80 : 0));
const VERSION = groups(8_080_099); // the id of 8.8.0

test.each([
  ['service account token', publicTokens.bearers[0]?.bearer ?? '', 'the server’s decoder accepts it'],
  ['API key', API_KEY.encoded, 'base64 of id:key'],
  ['API key', `${API_KEY.id}:${API_KEY.key}`, 'id:key itself'],
  ['enrollment token', base64(JSON.stringify(enrollment)), 'base64 of JSON with version, addresses and key'],
  ['OAuth2 access token', base64([...VERSION, 22, ...UUID]), 'a version, and a UUID as text'],
  ['OAuth2 access token', base64([...VERSION, ...UUID.slice(0, 16)]), 'a version, and the bytes of a UUID'],
  [
    'JSON Web Token',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl',
    'three parts, the first of which begins with {"',
  ],
  ['OAuth2 access token', base64([...groups(6_000_000), ...UUID]), 'the first version'],
  ['OAuth2 access token', base64([...groups(19_999_999), ...UUID]), 'the last version'],
  ['OAuth2 access token', base64([...VERSION, ...new Array(64).fill(22)]), 'the longest'],
  ['unknown', base64([...VERSION, ...new Array(65).fill(22)]), 'longer than any'],
  ['unknown', base64([...groups(5_999_999), ...UUID]), 'before the first version'],
  ['unknown', base64([...groups(20_000_000), ...UUID]), 'after the last version'],
  ['unknown', '', 'nothing'],
  ['unknown', 'elastic/kibana/my-token', 'a name is not a token'],
  ['unknown', 'hunter2', 'a password'],
  ['unknown', base64('{"ver":1}'), 'JSON without addresses and key'],
  ['unknown', base64([1, ...UUID]), 'no version begins like this'],
  ['unknown', ` ${API_KEY.encoded}`, 'white space is for the caller to drop'],
] as const)('the kind is %s for %s: %s', (kind, text, _why) => {
  expect(kindOf(text)).toBe(kind);
});
