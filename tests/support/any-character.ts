import fc from 'fast-check';

/** Any character of Unicode. fast-check's own units of all of Unicode take seconds to build. */
export const anyCharacter = fc
  .integer({ min: 0, max: 0x10ffff })
  .map((code) => String.fromCodePoint(code))
  .filter((character) => !/\p{Cs}/u.test(character));
