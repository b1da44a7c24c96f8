import type { Child, FC } from "hono/jsx";

/** Why a form was not taken: the service's own sentence. */
export const Refusal: FC<{ text: string }> = ({ text }) => (
  <p class="notice refusal" role="alert">
    {text}
  </p>
);

type FieldProps = { label: string; name: string; hint?: string; children?: Child };

/** A label, what is filled in, and a hint that both are read with. */
const Labelled: FC<FieldProps> = ({ label, name, hint, children }) => (
  <div class="field">
    <label for={name}>{label}</label>
    {children}
    {hint && <small id={`${name}-hint`}>{hint}</small>}
  </div>
);

type InputProps = FieldProps & {
  value?: string | number | undefined;
  type?: "text" | "number" | "email" | "date" | "datetime-local" | "url";
  required?: boolean;
  min?: number;
  max?: number;
  placeholder?: string;
  /** names of what may be chosen, or else typed */
  known?: readonly string[];
};

export const Input: FC<InputProps> = ({ label, name, hint, known, type = "text", value, ...more }) => (
  <Labelled label={label} name={name} {...(hint !== undefined && { hint })}>
    <input
      id={name}
      name={name}
      type={type}
      value={value === undefined ? undefined : String(value)}
      aria-describedby={hint && `${name}-hint`}
      list={known && `${name}-known`}
      {...more}
    />
    {known && (
      <datalist id={`${name}-known`}>
        {known.map((each) => (
          <option value={each} />
        ))}
      </datalist>
    )}
  </Labelled>
);

type SelectProps = FieldProps & {
  options: readonly (readonly [value: string, word: string])[];
  value?: string | undefined;
};

export const Select: FC<SelectProps> = ({ label, name, hint, options, value }) => (
  <Labelled label={label} name={name} {...(hint !== undefined && { hint })}>
    <select id={name} name={name} aria-describedby={hint && `${name}-hint`}>
      {options.map(([option, word]) => (
        <option value={option} selected={option === value}>
          {word}
        </option>
      ))}
    </select>
  </Labelled>
);

type TextAreaProps = FieldProps & { value?: string | undefined; rows?: number; required?: boolean };

export const TextArea: FC<TextAreaProps> = ({ label, name, hint, value = "", rows = 4, required }) => (
  <Labelled label={label} name={name} {...(hint !== undefined && { hint })}>
    <textarea id={name} name={name} rows={rows} required={required} aria-describedby={hint && `${name}-hint`}>
      {value}
    </textarea>
  </Labelled>
);

/** A button that does one thing, for which nothing has to be filled in. */
const Act: FC<{ action: string; word: string; fields?: Readonly<Record<string, string>> }> = (props) => (
  <form method="post" action={props.action} class="act">
    {Object.entries(props.fields ?? {}).map(([name, value]) => (
      <input type="hidden" name={name} value={value} />
    ))}
    <button type="submit" class="quiet-button">
      {props.word}
    </button>
  </form>
);

/** The same for what cannot be taken back: it opens first, and says what it does. */
export const Careful: FC<{ action: string; word: string; what: string; fields?: Readonly<Record<string, string>> }> = ({
  what,
  word,
  ...act
}) => (
  <details class="careful">
    <summary>{word}</summary>
    <p class="advice">{what}</p>
    <Act {...act} word={word} />
  </details>
);
