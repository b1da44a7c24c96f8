import type { Child, FC } from "hono/jsx";

/** Why a form was not taken: the service's own sentence. */
export const Refusal: FC<{ text: string }> = ({ text }) => (
  <p class="failing" role="alert">
    {text}
  </p>
);

type FieldProps = {
  label: string;
  name: string;
  /** where two forms of a page have a field of one name */
  id?: string;
  hint?: string;
  children?: Child;
};

/** A label, what is filled in, and a hint that both are read with. */
const Labelled: FC<FieldProps> = ({ label, name, id = name, hint, children }) => (
  <div class="field">
    <label for={id}>{label}</label>
    {children}
    {hint && <small id={`${id}-hint`}>{hint}</small>}
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

export const Input: FC<InputProps> = ({ known, type = "text", value, required, min, max, placeholder, ...field }) => {
  const { name, id = name, hint } = field;
  return (
    <Labelled {...field}>
      {known && (
        <datalist id={`${id}-known`}>
          {known.map((each) => (
            <option value={each} />
          ))}
        </datalist>
      )}
      <input
        {...{ id, name, type, required, min, max, placeholder }}
        value={value === undefined ? undefined : String(value)}
        aria-describedby={hint && `${id}-hint`}
        list={known && `${id}-known`}
      />
    </Labelled>
  );
};

type SelectProps = FieldProps & {
  options: readonly (readonly [value: string, word: string])[];
  value?: string | undefined;
};

export const Select: FC<SelectProps> = ({ options, value, ...field }) => {
  const { name, id = name, hint } = field;
  return (
    <Labelled {...field}>
      <select id={id} name={name} aria-describedby={hint && `${id}-hint`}>
        {options.map(([option, word]) => (
          <option value={option} selected={option === value}>
            {word}
          </option>
        ))}
      </select>
    </Labelled>
  );
};

type TextAreaProps = FieldProps & { value?: string | undefined; rows?: number; required?: boolean };

export const TextArea: FC<TextAreaProps> = ({ value = "", rows = 4, required, ...field }) => {
  const { name, id = name, hint } = field;
  return (
    <Labelled {...field}>
      <textarea id={id} name={name} rows={rows} required={required} aria-describedby={hint && `${id}-hint`}>
        {value}
      </textarea>
    </Labelled>
  );
};

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
