import { describe, expect, test } from '@jest/globals';
import { defaultAlgorithm, parseAlgorithm } from '../../src/hash/algorithm.js';
import { errorOf } from '../support/fixtures.js';

/** Every value that the server accepts, in the order of its message. */
const names = [
  ...['bcrypt', 'bcrypt4', 'bcrypt5', 'bcrypt6', 'bcrypt7', 'bcrypt8', 'bcrypt9', 'bcrypt10', 'bcrypt11'],
  ...['bcrypt12', 'bcrypt13', 'bcrypt14'],
  ...['pbkdf2', 'pbkdf2_1000', 'pbkdf2_10000', 'pbkdf2_50000', 'pbkdf2_100000', 'pbkdf2_500000'],
  ...['pbkdf2_1000000', 'pbkdf2_stretch', 'pbkdf2_stretch_1000', 'pbkdf2_stretch_10000'],
  ...['pbkdf2_stretch_50000', 'pbkdf2_stretch_100000', 'pbkdf2_stretch_500000', 'pbkdf2_stretch_1000000'],
];

describe('The values that are accepted', () => {
  test.each(names)('%s, in any letter case', (name) => {
    const [, scheme, cost] = /^(bcrypt|pbkdf2_stretch|pbkdf2)_?(\d*)$/.exec(name) ?? [];
    const expected = { scheme, cost: Number(cost || (scheme === 'bcrypt' ? 10 : 10_000)) };
    expect(parseAlgorithm(name)).toEqual(expected);
    expect(parseAlgorithm(name.toUpperCase())).toEqual(expected);
    expect(parseAlgorithm(name[0]?.toUpperCase() + name.slice(1))).toEqual(expected);
  });

  test('without a setting, PBKDF2_STRETCH with 10,000 iterations', () => {
    expect(defaultAlgorithm).toEqual({ scheme: 'pbkdf2_stretch', cost: 10_000 });
    expect(parseAlgorithm('PBKDF2_STRETCH')).toEqual(defaultAlgorithm);
  });
});

describe('The values that are refused', () => {
  test.each([
    { value: 'sha1', why: 'the server reads such hashes and does not write them' },
    { value: 'md5', why: 'likewise' },
    { value: 'ssha256', why: 'likewise' },
    { value: 'noop', why: 'it is not a hash' },
    { value: 'clear_text', why: 'it is not a hash' },
    { value: 'ScRypT', why: 'the server does not know it' },
    { value: 'bcrypt3', why: 'the cost is too low' },
    { value: 'bcrypt15', why: 'the cost is too high' },
    { value: 'bcrypt04', why: 'a cost is written without a leading zero' },
    { value: 'bcrypt_4', why: 'bcrypt takes its cost without an underscore' },
    { value: 'pbkdf21000', why: 'PBKDF2 takes its cost with an underscore' },
    { value: 'pbkdf2_2000', why: 'the cost is not one of the list' },
    { value: 'pbkdf2_stretch_', why: 'the cost is missing' },
    { value: ' bcrypt', why: 'white space is not trimmed' },
    { value: 'bcrypt ', why: 'white space is not trimmed' },
    { value: '', why: 'it is empty' },
    { value: '[bcrypt4]', why: 'it is a list' },
    { value: 'constructor', why: 'it is a property that JavaScript objects have' },
  ])('[$value], because $why, with the original’s message and a hint that names the setting', ({ value }) => {
    expect(errorOf(() => parseAlgorithm(value))).toMatchObject({
      code: 'INVALID_ALGORITHM',
      message: `Invalid algorithm: ${value}. Valid values for password hashing are [${names.join(', ')}]`,
      hint: expect.stringContaining('xpack.security.authc.service_token_hashing.algorithm'),
    });
  });
});
