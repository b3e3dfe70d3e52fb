"""`orbitmill poly` and the engine closed-form against arithmetic written here and against walks."""
import json
import random
import unittest

from support import datasets, decompose, histogram, run


def carryless_product(a, b):
    """Product of two polynomials over GF(2), each as the bits of an integer."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        b >>= 1
    return product


def bits_of(text):
    """`x^3 + x + 1` as 0b1011."""
    bits = 0
    for term in text.split(" + "):
        bits ^= 1 << (0 if term == "1" else 1 if term == "x" else int(term[2:]))
    return bits


def text_of(bits):
    names = {0: "1", 1: "x"}
    return " + ".join(names.get(i, f"x^{i}") for i in reversed(range(bits.bit_length()))
                      if bits >> i & 1)


def order_of(bits):
    """Least e with x^e = 1 modulo a polynomial with a constant term, step by step."""
    top = bits.bit_length() - 1
    if top == 0:
        return 1
    power = 1
    for exponent in range(1, 1 << top):
        power <<= 1
        if power >> top:
            power ^= bits
        if power == 1:
            return exponent
    raise AssertionError(f"{bits:b} has no order")


def poly(*args):
    result = run("poly", *args, "--format", "json")
    assert result.returncode == 0, f"{args}: exit {result.returncode}\n{result.stderr}"
    return json.loads(result.stdout)


class Polynomials(unittest.TestCase):
    def test_factors_orders_and_histogram_of_random_polynomials(self):
        generator = random.Random(5)
        singular = repeated = 0
        for _ in range(60):
            degree = generator.randint(2, 14)
            bits = 1 << degree | generator.getrandbits(degree)
            if bits == 1 << degree:
                bits |= 1
            answer = poly(text_of(bits))
            self.assertEqual(bits_of(answer["polynomial"]), bits)
            product, states = 1, 0
            for factor in answer["factors"]:
                irreducible = bits_of(factor["polynomial"])
                self.assertEqual(factor["degree"], irreducible.bit_length() - 1)
                for _ in range(factor["multiplicity"]):
                    product = carryless_product(product, irreducible)
                repeated += factor["multiplicity"] > 1
                if irreducible == 2:
                    self.assertIsNone(factor["order"])
                    continue
                self.assertEqual(factor["order"], order_of(irreducible))
                self.assertEqual(factor["primitive"],
                                 factor["order"] == (1 << factor["degree"]) - 1)
            self.assertEqual(product, bits)
            height = (bits & -bits).bit_length() - 1
            singular += height > 0
            self.assertEqual(answer["height"], height)
            self.assertEqual(answer["order"], order_of(bits >> height))
            self.assertEqual(answer["irreducible"],
                             [f["multiplicity"] for f in answer["factors"]] == [1])
            for entry in answer["histogram"]:
                states += entry["length"] * entry["count"]
            self.assertEqual(states, 1 << degree - height)
            self.assertEqual(answer["transient_states"], (1 << degree) - states)
        self.assertGreater(singular, 5)
        self.assertGreater(repeated, 5)

    def test_the_reciprocal_register_has_the_same_cycles_and_goes_back(self):
        for args in (["--field", 5, "--coefficients", "2,0,1,4"],
                     ["--field", 9, "--coefficients", "5,0,7"],
                     ["--field", 3, "--length", 5, "--feedback", "2*x0 + x3 + 2"],
                     ["--length", 9, "--feedback", "x0 + x4 + 1"]):
            answer = poly(*args)
            back = answer["reciprocal"]
            again = poly("--field", answer["field"], "--length", answer["length"], "--feedback",
                         back["feedback"])
            self.assertEqual(again["histogram"], answer["histogram"])
            self.assertEqual(again["reciprocal"]["feedback"], answer["feedback"])
            self.assertNotEqual(back["feedback"], answer["feedback"])
        self.assertIsNone(poly("x^4 + x^2")["reciprocal"])

    def test_published_primitive_polynomials(self):
        # Zierler, "Primitive trinomials whose degree is a Mersenne exponent", Inf. Control 15
        # (1969): x^521 + x^32 + 1 and x^1279 + x^216 + 1.
        for degree, middle in ((521, 32), (1279, 216)):
            answer = poly(f"x^{degree} + x^{middle} + 1")
            self.assertTrue(answer["primitive"])
            self.assertEqual([(int(e["length"]), int(e["count"])) for e in answer["histogram"]],
                             [(1, 1), (2**degree - 1, 1)])

    def test_the_text_fits_a_terminal_and_says_the_same(self):
        bits = 1 << 199 | random.Random(7).getrandbits(199) | 1
        for args, words in (([text_of(bits)], ["order", "factor"]),
                            (["x^521 + x^32 + 1"], ["primitive     yes", "2^521 - 1"]),
                            (["x^40 + x^36 + x^4"], ["singular", "4 steps", "none: x divides"]),
                            (["--field", 4, "--coefficients", "3,0,0,0,0,0"],
                             ["modulus       x^2 + x + 1", "224"])):
            result = run("poly", *args)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertLessEqual(max(map(len, result.stdout.splitlines())), 80)
            for word in words:
                self.assertIn(word, result.stdout)

    def test_what_it_refuses(self):
        for args, code, words in (
                (["--length", 5, "--feedback", "0,1,(2,3)"], 65, ["products", "decompose"]),
                ([], 2, ["no register"]),
                (["x^5 + 1", "--polynomial", "x^5 + 1"], 2, ["--polynomial"]),
                (["x^5 + y"], 65, ["x^5 + y"]),
                (["--field", 6, "x^5 + 1"], 65, ["6"]),
                # Phi_1213(2) has no known factorisation in the table, and is far beyond the search.
                (["x^1213 + x + 1", "--format", "xml"], 2, ["--format"])):
            result = run("poly", *args)
            self.assertEqual(result.returncode, code, result.stderr)
            self.assertEqual(result.stdout, "")
            for word in words:
                self.assertIn(word, result.stderr)


class ClosedForm(unittest.TestCase):
    def test_the_histogram_is_that_of_a_walk(self):
        for args in (["--polynomial", "x^12 + x^8 + x^4 + 1"],
                     ["--field", 3, "--coefficients", "2,0,1,0,0,1"],
                     ["--field", 8, "--coefficients", "3,0,0,1"],
                     ["--length", 10, "--feedback", "x0 + x3 + 1"]):
            decompose("theory.h5", *args, "--engine", "closed-form", "--overwrite", ranks=3)
            decompose("walk.h5", *args, "--cycles", "none", "--engine", "leader", "--overwrite")
            theory, walk = datasets("theory.h5"), datasets("walk.h5")
            changed = {name for name in theory.keys() | walk.keys()
                       if theory.get(name) != walk.get(name)}
            # A walk carries what theory predicts besides; the closed form is the prediction.
            self.assertEqual(changed, {"certificate@theory", "certificate/predicted_length",
                                       "certificate/predicted_count"})

    def test_when_auto_chooses_it(self):
        def engine(*args):
            decompose("auto.h5", *args, "--overwrite")
            return json.loads(run("show", "auto.h5", "--format", "json").stdout)["run"]["engine"]

        linear = ["--polynomial", "x^14 + x^5 + 1"]
        self.assertEqual(engine(*linear, "--cycles", "none"), "closed-form")
        self.assertNotEqual(engine(*linear), "closed-form")
        self.assertNotEqual(engine(*linear, "--cycles", "all"), "closed-form")
        self.assertNotEqual(engine("--length", 14, "--feedback", "0,1,(2,3)", "--cycles", "none"),
                            "closed-form")
        # Nothing else can do these.
        self.assertEqual(engine("--polynomial", "x^100 + x^37 + 1"), "closed-form")
        self.assertEqual(engine("--coefficients", "0,0,1,0,1"), "closed-form")

    def test_singular_and_large_files_are_read_back(self):
        decompose("singular.h5", "--coefficients", "0,0,1,0,1,1", "--overwrite")
        shown = json.loads(run("show", "singular.h5", "--format", "json").stdout)
        self.assertEqual(histogram("singular.h5"), {1: 2, 7: 2})
        self.assertEqual(shown["certificate"]["transient_states"], 48)
        decompose("large.h5", "--polynomial", "x^1279 + x^216 + 1", "--overwrite", ranks=2)
        rows = run("show", "large.h5", "--format", "csv").stdout.split()
        self.assertEqual(rows, ["length,count", "1,1", f"{2**1279 - 1},1"])
        text = run("show", "large.h5")
        self.assertLessEqual(max(map(len, text.stdout.splitlines())), 80)
        # A pure cycling register of 3000 stages: a necklace count (Golomb, ch. III).
        decompose("long.h5", "--length", 3000, "--feedback", "0", "--overwrite")
        rows = dict(row.split(",") for row in run("show", "long.h5", "--format", "csv")
                    .stdout.split()[1:])
        divisors = [d for d in range(1, 3001) if 3000 % d == 0]
        self.assertEqual({int(length) for length in rows}, set(divisors))
        for d in divisors:
            words = sum(mobius(d // e) * 2**e for e in divisors if d % e == 0)
            self.assertEqual(int(rows[str(d)]), words // d)

    def test_plan_says_so_and_runs_nothing(self):
        result = run("plan", "--polynomial", "x^100 + x^37 + 1")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("closed-form: the states are too many to walk", result.stdout)

    def test_a_feedback_of_many_thousand_terms(self):
        length = 2**13 - 2
        with open("row.toml", "w", encoding="utf-8") as file:
            file.write(f'[register]\ncoefficients = "{",".join(["1"] * length)}"\n')
        # 1 + x + ... + x^n divides x^(n+1) - 1, and n + 1 = 8191 is prime.
        decompose("wide.h5", "row.toml", "--overwrite")
        rows = run("show", "wide.h5", "--format", "csv").stdout.split()[1:]
        self.assertEqual(rows, ["1,1", f"8191,{(2**length - 1) // 8191}"])


def mobius(n):
    sign = 1
    for p in range(2, n + 1):
        if n % p == 0:
            n //= p
            sign = -sign
            if n % p == 0:
                return 0
    return sign


if __name__ == "__main__":
    unittest.main()
