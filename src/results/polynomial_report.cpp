#include "orbitmill/results/polynomial_report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "json_number.hpp"
#include "number_text.hpp"
#include "orbitmill/algebra/polynomial.hpp"
#include "orbitmill/register/notation.hpp"

namespace orbitmill {
namespace {

using Json = nlohmann::ordered_json;

/// Lines of factors and of lengths; a report is read by people.
constexpr std::size_t max_rows = 20;
constexpr std::size_t value_width = 66;
constexpr std::size_t factor_width = 38;

std::string cut(std::string text, std::size_t width) {
  constexpr std::string_view ending = " ...";
  if (text.size() <= width) return text;
  text.resize(text.rfind(' ', width - ending.size()));
  return text.append(ending);
}

void print_line(std::ostream& out, std::string_view label, const std::string& text) {
  out << fmt::format("{:<14}{}\n", label, cut(text, value_width));
}

/// The register whose sequences are those of `reg` backwards; none where 0 is a factor, for then
/// the step has no inverse. An affine constant c becomes -c / c_0.
std::optional<Register> reversed(const Register& reg) {
  const Feedback& feedback = reg.feedback();
  const Element lowest = feedback.linear_coefficient(0);
  if (lowest == 0) return std::nullopt;
  const Field& field = reg.field();
  // x_0 = (x_n - c_1 x_1 - ... - c_{n-1} x_{n-1} - c) / c_0, and stage i becomes stage n - i.
  const Element scale = field.inverse(lowest);
  RegisterSpec spec = reg.spec();
  for (Term& term : spec.feedback.terms) {
    const bool is_lowest = !term.stages.empty() && term.stages.front() == 0;
    term.coefficient = is_lowest ? scale : field.negate(field.multiply(scale, term.coefficient));
    if (!term.stages.empty() && !is_lowest)
      term.stages.front() = reg.length() - term.stages.front();
  }
  return Register(spec);
}

std::string polynomial_of(const Register& reg) {
  return print_polynomial(reg.feedback(), reg.field(), reg.length());
}

void print_factors(std::ostream& out, const PolynomialAnalysis& analysis, std::uint64_t q) {
  out << fmt::format("\n{:<{}}  {:>12}  {}\n", "factor", factor_width, "multiplicity", "order");
  std::size_t row = 0;
  for (const FactorOrder& factor : analysis.factors) {
    if (row++ == max_rows) {
      out << fmt::format("... {} more\n", analysis.factors.size() - max_rows);
      break;
    }
    const std::string order =
        factor.order == 0 ? "none"
                          : brief(factor.order, q) + (factor.primitive ? ", primitive" : "");
    out << fmt::format("{:<{}}  {:>12}  {}\n", cut(print_polynomial(factor.factor), factor_width),
                       factor_width, factor.multiplicity, order);
  }
}

void print_histogram(std::ostream& out, const ExactHistogram& histogram, std::uint64_t q) {
  constexpr int width = 26;
  out << fmt::format("\n{:>{}}  {:>{}}\n", "length", width, "cycles", width);
  const std::size_t rows = std::min(histogram.size(), max_rows);
  for (std::size_t row = 0; row < rows; ++row) {
    out << fmt::format("{:>{}}  {:>{}}\n", brief(histogram[row].length, q), width,
                       brief(histogram[row].count, q), width);
  }
  if (rows < histogram.size()) {
    out << fmt::format("... {} more lengths, up to {}\n", histogram.size() - rows,
                       brief(histogram.back().length, q));
  }
}

Json register_json(const Register& reg) {
  Json json{{"polynomial", polynomial_of(reg)}, {"feedback", print_anf(reg.feedback())}};
  if (reg.is_linear()) json["coefficients"] = print_coefficients(reg.feedback(), reg.length());
  return json;
}

}  // namespace

void print_text(std::ostream& out, const Register& reg, const ClosedForm& form) {
  const PolynomialAnalysis& analysis = form.analysis;
  const std::uint64_t q = reg.field().order();
  print_line(out, "polynomial", polynomial_of(reg));
  print_line(out, "register",
             fmt::format("length {} over GF({}): f = {}", reg.length(), reg.field().order(),
                         print_anf_shortly(reg.feedback())));
  if (!reg.field().modulus().empty()) print_line(out, "modulus", reg.field().modulus());
  const auto back = reversed(reg);
  print_line(out, "reciprocal", back ? polynomial_of(*back) : "none: x divides the polynomial");
  if (back) print_line(out, "", "f = " + print_anf_shortly(back->feedback()));
  print_line(out, "irreducible", analysis.irreducible ? "yes" : "no");
  print_line(out, "primitive", analysis.primitive ? "yes" : "no");
  print_line(out, "order", described(analysis.order, q));
  if (form.height > 0) {
    print_line(
        out, "singular",
        fmt::format("{} transient states, at most {} step{} from a cycle",
                    brief(form.transient_states, q), form.height, form.height == 1 ? "" : "s"));
  }
  print_factors(out, analysis, q);
  print_histogram(out, form.histogram, q);
}

void print_json(std::ostream& out, const Register& reg, const ClosedForm& form) {
  const PolynomialAnalysis& analysis = form.analysis;
  Json json = register_json(reg);
  json["field"] = reg.field().order();
  if (!reg.field().modulus().empty()) json["modulus"] = reg.field().modulus();
  json["length"] = reg.length();
  json["irreducible"] = analysis.irreducible;
  json["primitive"] = analysis.primitive;
  json["order"] = json_number(analysis.order);
  json["factors"] = Json::array();
  for (const FactorOrder& factor : analysis.factors) {
    json["factors"].push_back(
        {{"polynomial", print_polynomial(factor.factor)},
         {"degree", factor.factor.degree()},
         {"multiplicity", factor.multiplicity},
         {"order", factor.order == 0 ? Json(nullptr) : json_number(factor.order)},
         {"primitive", factor.primitive}});
  }
  json["height"] = form.height;
  json["transient_states"] = json_number(form.transient_states);
  json["histogram"] = Json::array();
  for (const auto& [length, count] : form.histogram) {
    json["histogram"].push_back({{"length", json_number(length)}, {"count", json_number(count)}});
  }
  const auto back = reversed(reg);
  json["reciprocal"] = back ? register_json(*back) : Json(nullptr);
  out << json.dump(2) << '\n';
}

}  // namespace orbitmill
