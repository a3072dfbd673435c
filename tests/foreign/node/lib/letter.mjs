// What is inside a letter's seal, and how a contact reads it.
const CODEWORD = "Handle with Care";
const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;
const MONTHS =
  "januari februari maart april mei juni juli augustus september oktober november december".split(" ");

/** It opened, and is no letter. Says nothing of what it holds. */
export class NotALetter extends Error {}

/** A letter's four fields about the child, and nothing else that may stand there. */
export function read(content) {
  let said;
  try {
    said = JSON.parse(content.toString("utf8"));
  } catch {
    throw new NotALetter("what was sealed is no letter");
  }
  const child = said?.child ?? {};
  const letter = {
    given_names: child.given_names,
    prefix: child.prefix ?? "",
    surname: child.surname,
    date_of_birth: child.date_of_birth,
  };
  const texts = Object.values(letter).every((text) => typeof text === "string");
  const day = texts && DAY.test(letter.date_of_birth) && !Number.isNaN(Date.parse(letter.date_of_birth));
  if (!day || said.codeword !== CODEWORD) throw new NotALetter("what was sealed is no letter");
  return letter;
}

/** The letter for a screen, in Dutch. */
export function asText(letter) {
  const [, year, month, day] = DAY.exec(letter.date_of_birth);
  const name = [letter.given_names, letter.prefix, letter.surname].filter(Boolean).join(" ");
  return `  Naam        ${name}
  Geboren     ${Number(day)} ${MONTHS[Number(month) - 1]} ${year}
  Codewoord   ${CODEWORD}

Vertel het mondeling aan de groepsleerkracht, en aan niemand anders; in het voortgezet onderwijs en mbo aan de
leerling zelf. Niets noteren, doorsturen, kopiëren of afdrukken.`;
}
