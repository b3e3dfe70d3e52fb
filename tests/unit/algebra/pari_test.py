"""Factors and orders of random polynomials over many fields, checked by PARI/GP.

print_analysis writes what the program says; gp builds the same field from the same modulus, checks
that the factors multiply to the polynomial, are irreducible and coprime, and that every order is
that of x: x^t = 1 and x^(t/r) != 1 for the primes r of t, which gp factors by itself.
"""

import os
import shutil
import subprocess
import sys

COUNT, DEGREE, SEED = 25, 100, 11

# Elements come as integers whose base-p digits are coefficients of a polynomial in the generator.
SCRIPT = r"""
element(k) = if(field == 0, Mod(k, p), subst(Pol(digits(k, p)), 'x, generator));
polynomial(v) = sum(i = 1, #v, element(v[i]) * 'x^(i - 1));
one() = if(field == 0, Mod(1, p), generator^0);
order_is(f, t) = {
  my(x = Mod('x * one(), f), primes = factor(t)[, 1]~);
  if(x^t != 1, return(0));
  for(i = 1, #primes, if(x^(t / primes[i]) == 1, return(0)));
  1;
};
whole_order_is(g, t) = poldegree(g) == 0 && t == 1 || poldegree(g) > 0 && order_is(g, t);
check(text, coefficients, order, irreducible, primitive, factors) = {
  my(f = polynomial(coefficients), product = one() * 'x^0, n = #factors, part, theirs);
  for(i = 1, n, product *= polynomial(factors[i][1])^factors[i][2]);
  if(product != f, error("product: ", text));
  theirs = if(field == 0, factormod(lift(f), p), factor(f));
  if(#theirs~ != n, error("number of factors: ", text));
  for(i = 1, n,
    part = polynomial(factors[i][1]);
    if(!polisirreducible(part), error("reducible: ", text));
    if(part == 'x, if(factors[i][3] != 0, error("order of x: ", text)),
      if(!order_is(part, factors[i][3]), error("order: ", text))));
  part = f / (one() * 'x)^valuation(f, 'x);
  if(!whole_order_is(part, order), error("whole order: ", text));
  if(irreducible != polisirreducible(f), error("irreducible: ", text));
  if(primitive != (irreducible && order == q^poldegree(f) - 1 && f != 'x), error("primitive: ", text));
  checked++;
};
checked = 0;
"""


def vector(text):
    return "[" + text + "]"


def gp_lines(lines):
    """One call of check for each line, and the field before each line that changes it."""
    field = None
    for line in lines:
        p, modulus, q, polynomial, order, irreducible, primitive, *factors = line.split("|")
        if (p, modulus) != field:
            field = (p, modulus)
            yield f"p = {p}; q = {q}; field = {0 if modulus == '0' else 1};"
            if modulus != "0":
                yield f"generator = ffgen(Mod(1, {p}) * ({modulus}), 't);"
        parts = []
        for factor in factors:
            base, _, rest = factor.partition("^")
            multiplicity, _, factor_order = rest.partition(":")
            parts.append(f"[{vector(base)}, {multiplicity}, {factor_order}]")
        yield (
            f'check("{line}", {vector(polynomial)}, {order}, {irreducible}, {primitive}, '
            f"{vector(', '.join(parts))});"
        )
    yield "print(checked);"


def run_gp(lines):
    script = SCRIPT.strip() + "\n" + "\n".join(gp_lines(lines)) + "\n"
    with open("check.gp", "w", encoding="ascii") as file:
        file.write(script)
    # An error must end gp, which would wait for commands otherwise.
    return subprocess.run(
        ["gp", "-q", "-f", "--default", "breakloop=0", "--default", "parisizemax=500M", "check.gp"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def main():
    if shutil.which("gp") is None:
        print("skipped: gp (Debian: pari-gp) is not installed")
        return 77
    lines = subprocess.run(
        [os.environ["PRINT_ANALYSIS"], str(SEED), str(COUNT), str(DEGREE)],
        capture_output=True,
        text=True,
        timeout=110,
        check=True,
    ).stdout.splitlines()
    assert len(lines) == 12 * COUNT, len(lines)

    result = run_gp(lines)
    assert result.stderr == "", result.stderr
    assert result.stdout.split()[-1:] == [str(len(lines))], result.stdout

    # The checker itself: a wrong order and a wrong factor must not pass.
    line = next(text for text in lines if text.count("|") > 7)
    fields = line.split("|")
    wrong = fields[:4] + [str(2 * int(fields[4]))] + fields[5:]
    assert "whole order" in run_gp(["|".join(wrong)]).stderr
    assert "product" in run_gp(["|".join(fields[:-1])]).stderr
    print(f"{len(lines)} polynomials agree with {shutil.which('gp')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
