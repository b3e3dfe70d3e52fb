/// What algebra says about a linear register: what `orbitmill poly` prints.
#pragma once

#include <iosfwd>

#include "orbitmill/decompose/closed_form.hpp"
#include "orbitmill/register/register.hpp"

namespace orbitmill {

/// Characteristic polynomial, factors with their orders, histogram, reciprocal register. At most 80
/// columns: long polynomials are cut.
void print_text(std::ostream& out, const Register& reg, const ClosedForm& form);

/// One JSON object with everything in full; integers above 2^53 are strings.
void print_json(std::ostream& out, const Register& reg, const ClosedForm& form);

}  // namespace orbitmill
