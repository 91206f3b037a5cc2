import fc from 'fast-check'

/** Text that is made to break frames: line breaks of all kinds, field names, NUL, marks, lone surrogates. */
export const arbitraryText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.constantFrom('\r', '\n', '\r\n', '\n\n', '\u2028', '\u0085', '\0', '\ufeff', ' ', ':', '\t'),
      fc.constantFrom('data: ', 'event: evil\n', 'id: 1\n', 'retry: 1\n', '\ud83d\ude00', '\ud83d', '\ude00'),
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''))
